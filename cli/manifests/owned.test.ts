import { expect, test } from 'vitest';
import { ownedBy } from './owned.ts';

const OBJECT = {
  metadata: {
    name: 'web',
    finalizers: ['a', 'b'],
    managedFields: [
      { manager: 'daas-deploy', operation: 'Update', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
      {
        manager: 'daas-deploy',
        operation: 'Apply',
        fieldsV1: {
          'f:metadata': { 'f:finalizers': { 'v:"b"': {} } },
          'f:spec': {
            'f:selector': {},
            'f:gone': {},
            'f:template': {
              'f:containers': {
                'k:{"name":"web"}': {
                  '.': {},
                  'f:name': {},
                  'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                  'f:ports': {
                    'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: 'web' } },
    template: {
      containers: [
        {
          name: 'web',
          image: 'of another',
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
          ports: [{ containerPort: 80, protocol: 'TCP' }],
        },
        { name: 'other' },
      ],
    },
  },
};

test('what a manager applied is found in maps and lists, and what others said is not', () => {
  expect(ownedBy('daas-deploy', OBJECT)).toEqual({
    metadata: { finalizers: ['b'] },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        containers: [{ name: 'web', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] }],
      },
    },
  });
  expect(ownedBy('kubectl', OBJECT)).toBeUndefined();
  expect(ownedBy('daas-deploy', { metadata: {} })).toBeUndefined();
});
