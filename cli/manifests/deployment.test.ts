import { expect, test } from 'vitest';
import { DEPLOY_MANAGER, deploymentObjects } from './deployment.ts';

/** As the API server would have it after the object was applied, with what it fills in. */
function applied(object: object | undefined, fieldsV1: object) {
  const copy = JSON.parse(JSON.stringify(object));
  copy.metadata.managedFields = [{ manager: DEPLOY_MANAGER, operation: 'Apply', fieldsV1 }];
  copy.spec.template.spec.containers[0].ports[0].protocol = 'TCP';
  return copy;
}

const OWNED = {
  'f:spec': {
    'f:selector': {},
    'f:template': {
      'f:spec': {
        'f:containers': {
          'k:{"name":"web"}': {
            '.': {},
            'f:name': {},
            'f:image': {},
            'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
            'f:envFrom': {},
            'f:ports': { 'k:{"containerPort":8080,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            'f:volumeMounts': { 'k:{"mountPath":"/data"}': { '.': {}, 'f:name': {}, 'f:mountPath': {} } },
          },
        },
        'f:volumes': {
          'k:{"name":"data"}': {
            '.': {},
            'f:name': {},
            'f:persistentVolumeClaim': { 'f:claimName': {} },
          },
        },
      },
    },
  },
};

test('what is said becomes a claim, a Deployment and a Service', () => {
  const said = {
    ...{ image: 'web:1', port: 8080, env: { A: '1' }, envFromSecret: ['key'], replicas: 2 },
    ...{ cpu: '250m', memory: '64Mi', command: ['run', 'it'], health: '/ready' },
    volumes: [{ name: 'data', path: '/data', size: '1Gi' }],
  };
  const labels = { app: 'web' };
  expect(deploymentObjects('web', said, true)).toEqual([
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'web-data', labels },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', labels },
      spec: {
        replicas: 2,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                ...{ name: 'web', image: 'web:1', ports: [{ containerPort: 8080 }] },
                env: [{ name: 'A', value: '1' }],
                envFrom: [{ secretRef: { name: 'key' } }],
                resources: {
                  requests: { cpu: '250m', memory: '64Mi' },
                  limits: { cpu: '250m', memory: '64Mi' },
                },
                command: ['run', 'it'],
                readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
              },
            ],
            volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'web-data' } }],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', labels },
      spec: { selector: labels, ports: [{ port: 8080, targetPort: 8080 }] },
    },
  ]);
});

test('no more is said than was told', () => {
  const [deployment] = deploymentObjects('web', { image: 'web:1' }, false);
  expect(deployment).toMatchObject({ spec: { selector: { matchLabels: { app: 'web' } } } });
  const container = { name: 'web', image: 'web:1', ports: [{ containerPort: 80 }] };
  expect(Object(deployment).spec).not.toHaveProperty('replicas');
  expect(Object(deployment).spec.template.spec).toEqual({ containers: [container] });
});

test('what it is not told stays as it said it, and what others said is theirs', () => {
  const first = {
    ...{ image: 'web:1', port: 8080, env: { A: '1' }, envFromSecret: ['key'] },
    volumes: [{ name: 'data', path: '/data', size: '1Gi' }],
  };
  const [, deployment] = deploymentObjects('web', first, false);
  const live = applied(deployment, OWNED);
  live.spec.replicas = 4;
  live.spec.selector.matchLabels = { app: 'other' };
  live.spec.template.spec.containers[0].env.push({ name: 'THEIRS', value: 'x' });
  const [next] = deploymentObjects('web', { image: 'web:2', env: { B: '2' } }, false, live);
  const { spec } = Object(next);
  expect(spec).not.toHaveProperty('replicas');
  expect(spec.selector.matchLabels).toEqual({ app: 'other' });
  expect(spec.template.metadata.labels).toEqual({ app: 'other' });
  expect(spec.template.spec.volumes).toHaveLength(1);
  expect(spec.template.spec.containers).toEqual([
    {
      ...{ name: 'web', image: 'web:2', ports: [{ containerPort: 8080 }] },
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
      envFrom: [{ secretRef: { name: 'key' } }],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    },
  ]);
  const said = { image: 'web:2', env: { C: '4', A: '3' }, envFromSecret: ['key'] };
  const [again] = deploymentObjects('web', said, false, live);
  const [container] = Object(again).spec.template.spec.containers;
  expect(container.env).toEqual([
    { name: 'A', value: '3' },
    { name: 'C', value: '4' },
  ]);
  expect(container.envFrom).toHaveLength(1);
});
