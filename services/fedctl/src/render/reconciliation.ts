import type { Difference, ReconcileSummary } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import type { Canvas } from '../output.ts'
import { counted } from '../progress.ts'
import { table } from './table.ts'
import { plural } from './words.ts'

type Reconciliation = {
  readonly peer: string
  readonly differences: readonly Difference[]
  readonly summary: ReconcileSummary
}

/** What the two sides tell alike, and every call that they do not. */
export function reconciliationText({ peer, differences, summary }: Reconciliation, canvas: Canvas): string {
  const { to } = canvas
  const { matched, pending, unsent, uncompared, heldSize, witnessedSize } = summary
  const calls = (count: bigint) => plural(Number(count), 'call')
  const head =
    differences.length === 0
      ? matched === 0n
        ? to.warn('nothing to compare: there is no call that both sides have told of')
        : `${to.good('alike')}  ${calls(matched)} ${matched === 1n ? 'stands' : 'stand'} the same on both sides`
      : `${to.bad('not alike')}  ${counted(matched)} alike, ${counts(summary)}`
  const notes = [
    pending > 0n ? `${calls(pending)} so fresh that the other side may not have told of it yet` : '',
    unsent > 0n ? `${calls(unsent)} refused before anything was sent: only the caller wrote it down` : '',
    uncompared > 0n
      ? `${plural(Number(uncompared), 'entry', 'entries')} without a content id: later words on calls that are compared`
      : '',
    heldSize < witnessedSize
      ? to.warn(`our mirror holds ${heldSize} of ${witnessedSize} entries that ${peer} has signed; try again later`)
      : '',
  ]
  return [head, ...notes, differences.length > 0 ? differenceTable(differences, peer, canvas) : '']
    .filter((part) => part !== '')
    .join('\n')
}

const counts = ({ missingHere, missingThere, differing, repeated }: ReconcileSummary): string =>
  [
    `${counted(missingHere)} missing here`,
    `${counted(missingThere)} missing there`,
    `${counted(differing)} differing`,
    repeated > 0n ? `${counted(repeated)} repeated` : '',
  ]
    .filter(Boolean)
    .join(', ')

function differenceTable(differences: readonly Difference[], peer: string, { to, width, paste }: Canvas): string {
  const text = table(
    differences,
    [
      { title: 'WHAT', text: ({ kind }) => KINDS[kind] ?? kind, colour: () => to.bad },
      { title: 'OURS', text: ({ sequence }) => (sequence === undefined ? '-' : String(sequence)) },
      { title: 'THEIRS', text: ({ remoteSequence }) => (remoteSequence === undefined ? '-' : String(remoteSequence)) },
      { title: 'CONTENT ID', text: ({ contentId }) => contentId },
      { title: 'IN WORDS', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )
  const ours = differences.find(({ sequence }) => sequence !== undefined)?.sequence
  return ours === undefined ? `\n${text}` : `\n${text}\n\nnext  ${paste(`fedctl audit get ${peer}/${ours}`)}`
}

const KINDS: Readonly<Record<string, string>> = {
  missing_here: 'missing here',
  missing_there: 'missing there',
  differing: 'differing',
  repeated: 'repeated',
}
