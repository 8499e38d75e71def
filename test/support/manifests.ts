/** Manifests of every kind that tenants order, with what is often in them. */
export const MANIFESTS: Readonly<Record<string, string>> = {
  Pod: `
apiVersion: v1
kind: Pod
metadata: {name: shell, labels: {app: shell}}
spec:
  restartPolicy: Never
  hostUsers: false
  containers:
  - {name: shell, image: busybox:1.37, command: [sleep, "60"], tty: true, stdin: true, env: [{name: A, value: b}]}
`,
  Deployment: `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/name: web}, annotations: {example.org/note: hello}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 30
      securityContext: {runAsUser: 1000, fsGroup: 1000}
      initContainers:
      - {name: first, image: "busybox:1.37", command: ["true"]}
      - {name: proxy, image: "docker.io/envoyproxy/envoy:v1.31", restartPolicy: Always}
      containers:
      - name: web
        image: nginxinc/nginx-unprivileged:1.27-alpine
        imagePullPolicy: IfNotPresent
        ports: [{name: http, containerPort: 8080}]
        envFrom: [{configMapRef: {name: web}}]
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: web, key: password}}}]
        livenessProbe: {httpGet: {path: /, port: http}, periodSeconds: 10}
        readinessProbe: {tcpSocket: {port: 8080}}
        lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
        resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}
        securityContext: {readOnlyRootFilesystem: true}
        volumeMounts: [{name: cache, mountPath: /cache}, {name: site, mountPath: /site, readOnly: true}]
      volumes:
      - {name: cache, emptyDir: {sizeLimit: 64Mi}}
      - {name: site, configMap: {name: web, defaultMode: 0444}}
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
`,
  StatefulSet: `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  serviceName: redis
  replicas: 3
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      containers:
      - name: redis
        image: redis:8-alpine
        ports: [{containerPort: 6379}]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
  DaemonSet: `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each}
spec:
  selector: {matchLabels: {app: each}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}
  template:
    metadata: {labels: {app: each}}
    spec: {containers: [{name: each, image: "busybox:1.37", command: [sleep, inf]}]}
`,
  Job: `
apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  backoffLimit: 4
  completions: 3
  parallelism: 2
  ttlSecondsAfterFinished: 100
  template:
    spec:
      restartPolicy: Never
      containers: [{name: pi, image: "perl:5.34.0", command: [perl, -wle, "print 1"]}]
`,
  CronJob: `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "30 3 * * *"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: backup, image: "busybox:1.37", args: [date]}]
`,
  Service: `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: ClusterIP, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: dns, port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
`,
  Ingress: `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.example.org
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`,
  ConfigMap: `
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {index.html: "<h1>hello</h1>", empty: ""}
binaryData: {blob: AAEC}
`,
  Secret: `
apiVersion: v1
kind: Secret
metadata: {name: web}
type: Opaque
stringData: {password: secret}
`,
  PersistentVolumeClaim: `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: local-path, resources: {requests: {storage: 1Gi}}}
`,
  NetworkPolicy: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: shell}}}], ports: [{port: 8080, protocol: TCP}]}]
`,
  HorizontalPodAutoscaler: `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: former}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 80}
`,
  PodDisruptionBudget: `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`,
  ServiceAccount: `
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
automountServiceAccountToken: false
`,
};
