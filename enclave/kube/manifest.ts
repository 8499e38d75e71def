import { z } from 'zod';
import { EnclaveError } from '../error.ts';
import { isDnsLabel, isImage, isLabelKey, isLabelValue } from './grammar.ts';
import type { Kind } from './path.ts';
import { PRIORITY_CLASSES } from './priority.ts';

/** A Kubernetes object that passed this file. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly [field: string]: unknown;
}

/** The largest body that the contract takes in a transaction. */
export const MAX_MANIFEST_BYTES = 96 * 1024;

// Every object below is strict: a field that is not written here is refused by name. That is the whole defence
// against hostPath, hostNetwork, privileged, service accounts, tolerations and whatever a later Kubernetes adds.
const name = z.string().refine(isDnsLabel, 'must be a DNS label');
const image = z.string().refine(isImage, 'must be an image of a registry with a public DNS name');
const port = z.int().min(1).max(65_535);
const text = z.string().max(4_096);
const seconds = z.int().min(0).max(86_400);
const id = z.int().min(1).max(65_535);
const portOrName = z.union([port, name]);
const labels = z
  .record(
    z.string().refine(isLabelKey, 'reserved or malformed key'),
    z.string().refine(isLabelValue, 'malformed'),
  )
  .default({});
const annotations = z.record(z.string().refine(isLabelKey, 'reserved or malformed key'), text).optional();
const metadata = z.strictObject({ name, labels, annotations, namespace: name.optional() });

const keyRef = z.strictObject({ name, key: text, optional: z.boolean().optional() });
const nameRef = z.strictObject({ name, optional: z.boolean().optional() });
const fieldRef = z.strictObject({ fieldPath: text, apiVersion: z.literal('v1').optional() });
const env = z.strictObject({
  name: z.string().regex(/^[-._a-zA-Z][-._a-zA-Z0-9]{0,252}$/),
  value: text.optional(),
  valueFrom: z.strictObject({ configMapKeyRef: keyRef, secretKeyRef: keyRef, fieldRef }).partial().optional(),
});
const envFrom = z.strictObject({ prefix: text, configMapRef: nameRef, secretRef: nameRef }).partial();
const quantities = z.partialRecord(
  z.enum(['cpu', 'memory', 'ephemeral-storage']),
  z.union([z.string().regex(/^[0-9]+(\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$/), z.number().positive()]),
);
const probe = z.strictObject({
  httpGet: z
    .strictObject({ path: text.optional(), port: portOrName, scheme: z.enum(['HTTP', 'HTTPS']).optional() })
    .optional(),
  tcpSocket: z.strictObject({ port: portOrName }).optional(),
  exec: z.strictObject({ command: z.array(text).max(64) }).optional(),
  initialDelaySeconds: seconds.optional(),
  periodSeconds: seconds.optional(),
  timeoutSeconds: seconds.optional(),
  successThreshold: seconds.optional(),
  failureThreshold: seconds.optional(),
});
const container = z.strictObject({
  name,
  image,
  imagePullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).optional(),
  command: z.array(text).max(64).optional(),
  args: z.array(text).max(64).optional(),
  workingDir: text.optional(),
  env: z.array(env).max(64).optional(),
  envFrom: z.array(envFrom).max(16).optional(),
  ports: z
    .array(
      z.strictObject({
        name: name.optional(),
        containerPort: port,
        protocol: z.enum(['TCP', 'UDP']).optional(),
      }),
    )
    .max(16)
    .optional(),
  resources: z.strictObject({ requests: quantities, limits: quantities }).partial().optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  startupProbe: probe.optional(),
  volumeMounts: z
    .array(
      z.strictObject({ name, mountPath: text, subPath: text.optional(), readOnly: z.boolean().optional() }),
    )
    .max(16)
    .optional(),
  securityContext: z
    .strictObject({ runAsUser: id, runAsGroup: id, readOnlyRootFilesystem: z.boolean() })
    .partial()
    .optional(),
});
const items = z
  .array(z.strictObject({ key: text, path: text }))
  .max(64)
  .optional();
const volume = z.strictObject({
  name,
  configMap: z.strictObject({ name, items, optional: z.boolean().optional() }).optional(),
  secret: z.strictObject({ secretName: name, items, optional: z.boolean().optional() }).optional(),
  emptyDir: z
    .strictObject({ sizeLimit: text.optional(), medium: z.enum(['', 'Memory']).optional() })
    .optional(),
});
const podSpec = z.strictObject({
  containers: z.array(container).min(1).max(8),
  initContainers: z.array(container).max(8).optional(),
  volumes: z.array(volume).max(16).optional(),
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).optional(),
  priorityClassName: z.enum(Object.keys(PRIORITY_CLASSES)).optional(),
  terminationGracePeriodSeconds: z.int().min(0).max(600).optional(),
  activeDeadlineSeconds: seconds.optional(),
  securityContext: z
    .strictObject({ runAsUser: id, runAsGroup: id, fsGroup: id, runAsNonRoot: z.literal(true) })
    .partial()
    .optional(),
});
const template = z.strictObject({
  metadata: z.strictObject({ labels, annotations }).default({ labels: {} }),
  spec: podSpec,
});

const rollingUpdate = z
  .strictObject({ maxSurge: z.int().min(0), maxUnavailable: z.int().min(0) })
  .partial()
  .optional();

// A host that is an address or a wildcard of everything would take the traffic of others.
const host = z
  .string()
  .regex(/^(\*\.)?([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]([-a-z0-9]*[a-z0-9])?$/)
  .max(253);
const backend = z.strictObject({
  service: z.strictObject({
    name,
    port: z.union([z.strictObject({ number: port }), z.strictObject({ name })]),
  }),
});
const ingressPath = z.strictObject({
  path: z.string().startsWith('/').max(1_024).optional(),
  pathType: z.enum(['Exact', 'Prefix']),
  backend,
});
const replicas = z.int().min(1).max(100);
const percentage = z.int().min(1).max(10_000);
const quantity = z.string().regex(/^[0-9]{1,9}(m|k|M|G|Ki|Mi|Gi)?$/);
const resourceMetric = z.strictObject({
  name: z.enum(['cpu', 'memory']),
  target: z.union([
    z.strictObject({ type: z.literal('Utilization'), averageUtilization: percentage }),
    z.strictObject({ type: z.literal('AverageValue'), averageValue: quantity }),
  ]),
});
const scaling = z.strictObject({
  stabilizationWindowSeconds: z.int().min(0).max(3_600).optional(),
  selectPolicy: z.enum(['Max', 'Min', 'Disabled']).optional(),
  policies: z
    .array(
      z.strictObject({
        type: z.enum(['Pods', 'Percent']),
        value: percentage,
        periodSeconds: z.int().min(1).max(1_800),
      }),
    )
    .max(8)
    .optional(),
});

/** One schema per kind; what a kind's object may hold, nothing else. */
const SCHEMAS = {
  Pod: z.strictObject({ apiVersion: z.literal('v1'), kind: z.literal('Pod'), metadata, spec: podSpec }),
  ConfigMap: z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('ConfigMap'),
    metadata,
    data: z.record(z.string().regex(/^[-._a-zA-Z0-9]{1,253}$/), z.string()).optional(),
    immutable: z.boolean().optional(),
  }),
  Service: z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Service'),
    metadata,
    spec: z.strictObject({
      // No NodePort, LoadBalancer or external addresses: they would reach out of the namespace.
      type: z.literal('ClusterIP').optional(),
      clusterIP: z.literal('None').optional(),
      selector: z.record(z.string().refine(isLabelKey), z.string().refine(isLabelValue)).optional(),
      ports: z
        .array(
          z.strictObject({
            name: name.optional(),
            port,
            targetPort: portOrName.optional(),
            protocol: z.enum(['TCP', 'UDP']).optional(),
          }),
        )
        .min(1)
        .max(16),
    }),
  }),
  Deployment: z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject({
      replicas: z.int().min(0).max(100).optional(),
      selector: z.strictObject({ matchLabels: labels }),
      template,
      strategy: z
        .strictObject({
          type: z.enum(['RollingUpdate', 'Recreate']),
          rollingUpdate,
        })
        .optional(),
      minReadySeconds: seconds.optional(),
      progressDeadlineSeconds: seconds.optional(),
      revisionHistoryLimit: z.int().min(0).max(10).optional(),
    }),
  }),
  DaemonSet: z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('DaemonSet'),
    metadata,
    spec: z.strictObject({
      selector: z.strictObject({ matchLabels: labels }),
      template,
      updateStrategy: z
        .strictObject({
          type: z.enum(['RollingUpdate', 'OnDelete']),
          rollingUpdate,
        })
        .optional(),
      minReadySeconds: seconds.optional(),
      revisionHistoryLimit: z.int().min(0).max(10).optional(),
    }),
  }),
  Ingress: z.strictObject({
    apiVersion: z.literal('networking.k8s.io/v1'),
    kind: z.literal('Ingress'),
    // No annotations: controllers take configuration from them, some of them any configuration.
    metadata: z.strictObject({ name, labels, namespace: name.optional() }),
    spec: z.strictObject({
      ingressClassName: name.optional(),
      defaultBackend: backend.optional(),
      // The Secret is one of this namespace: the name cannot say another.
      tls: z
        .array(z.strictObject({ hosts: z.array(host).max(16).optional(), secretName: name.optional() }))
        .max(16)
        .optional(),
      rules: z
        .array(
          z.strictObject({
            host: host.optional(),
            http: z.strictObject({ paths: z.array(ingressPath).min(1).max(16) }).optional(),
          }),
        )
        .max(16)
        .optional(),
    }),
  }),
  HorizontalPodAutoscaler: z.strictObject({
    apiVersion: z.literal('autoscaling/v2'),
    kind: z.literal('HorizontalPodAutoscaler'),
    metadata,
    spec: z.strictObject({
      scaleTargetRef: z.strictObject({
        apiVersion: z.literal('apps/v1'),
        kind: z.literal('Deployment'),
        name,
      }),
      minReplicas: replicas.optional(),
      maxReplicas: replicas,
      // Pods, objects and external metrics would be read from elsewhere.
      metrics: z
        .array(z.strictObject({ type: z.literal('Resource'), resource: resourceMetric }))
        .max(4)
        .optional(),
      behavior: z.strictObject({ scaleUp: scaling, scaleDown: scaling }).partial().optional(),
    }),
  }),
  Job: z.strictObject({
    apiVersion: z.literal('batch/v1'),
    kind: z.literal('Job'),
    metadata,
    spec: z.strictObject({
      template,
      backoffLimit: z.int().min(0).max(10).optional(),
      completions: z.int().min(1).max(100).optional(),
      parallelism: z.int().min(0).max(100).optional(),
      activeDeadlineSeconds: seconds.optional(),
      ttlSecondsAfterFinished: seconds.optional(),
    }),
  }),
};

/**
 * Checks a manifest against what its kind may hold.
 *
 * @param kind the kind that the request's path names
 * @throws {EnclaveError} `request`, naming the first fields that are not allowed
 */
export function checkManifest(kind: Kind, candidate: unknown): Manifest {
  const result = SCHEMAS[kind].safeParse(candidate);
  if (result.success) return result.data;
  const issues = result.error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join('.') || kind}: ${issue.message}`);
  throw new EnclaveError('request', `Cannot accept manifest: ${issues.join('; ')}`);
}

/**
 * Reads the bytes of a manifest and checks them.
 *
 * @throws {EnclaveError} `request`
 */
export function parseManifest(kind: Kind, bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new EnclaveError('request', `Cannot accept manifest: larger than ${MAX_MANIFEST_BYTES} bytes`);
  }
  let candidate: unknown;
  try {
    candidate = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new EnclaveError('request', 'Cannot accept manifest: it is not JSON', { cause });
  }
  return checkManifest(kind, candidate);
}
