import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { table } from './table.ts'
import { moment } from './time.ts'

/** Calls across the border and what was decided, one line each. */
export function decisionTable(decisions: readonly Decision[], { to, width }: Canvas, name: NamePeers): string {
  return table(
    decisions,
    [
      { title: 'DECISION', text: ({ id }) => id },
      { title: 'AT (UTC)', text: ({ at }) => moment(at) },
      { title: 'PEER', text: ({ peerId, direction }) => `${direction === 'out' ? 'to' : 'from'} ${name(peerId)}` },
      { title: 'SCOPE', text: ({ scope }) => scope || '-' },
      { title: 'KIND', text: ({ resourceKind }) => resourceKind || '-' },
      { title: 'ID', text: ({ resourceId }) => resourceId || 'all' },
      {
        title: 'DECIDED',
        text: ({ allowed, reason }) => (allowed ? 'allowed' : reason),
        colour: ({ allowed }) => (allowed ? to.good : to.bad),
      },
      { title: 'WHY', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )
}
