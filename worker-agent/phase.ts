/**
 * What the agent is doing.
 *
 *   verifying ──► joining ──► running ──► draining ──► stopped
 *       ▲  ▲         │           │
 *       │  └─────────┴───────────┤  lost trust in the control plane, another enclave in the seat, k3s ended
 *       └── refused ◄────────────┘  a check failed: nothing runs until one passes
 */
export const PHASES = ['verifying', 'refused', 'joining', 'running', 'draining', 'stopped'] as const;

export type Phase = (typeof PHASES)[number];

const NEXT: Record<Phase, readonly Phase[]> = {
  verifying: ['joining', 'refused', 'draining', 'stopped'],
  refused: ['verifying', 'draining', 'stopped'],
  joining: ['running', 'verifying', 'refused', 'draining', 'stopped'],
  running: ['verifying', 'refused', 'draining', 'stopped'],
  draining: ['stopped'],
  stopped: [],
};

/**
 * Whether the agent may go from one phase to another.
 */
export function mayFollow(from: Phase, to: Phase): boolean {
  return NEXT[from].includes(to);
}
