import type { Verdict } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Examination } from '../doctor.ts'
import type { Canvas } from '../output.ts'
import { harmlessLine, type Paint } from './paint.ts'

/** In the order in which one thing needs the other. */
const SECTIONS = [
  'services', 'disk', 'peering', 'approvals', 'tokens', 'contract', 'names', 'tcp', 'chains', 'tls', 'clock', 'heartbeats',
  'versions', 'grants', 'residency', 'routes', 'firewall', 'replication', 'ledger', 'events', 'governance',
] // prettier-ignore
const WIDTH = Math.max(...SECTIONS.map((section) => section.length))

const SIGNS: Readonly<
  Record<string, { readonly word: string; readonly colour: (to: Paint) => (text: string) => string }>
> = {
  ok: { word: 'ok', colour: (to) => to.good },
  warning: { word: 'warning', colour: (to) => to.warn },
  failed: { word: 'FAILED', colour: (to) => to.bad },
  skipped: { word: 'skipped', colour: (to) => to.dim },
}
const SIGN_WIDTH = 7

/** Section by section, one line a check; under what is not well its cause, whose it is, and the command. The verdict last. */
export function examinationText(found: Examination, { all }: { readonly all: boolean }, canvas: Canvas): string {
  const shown = found.checks.filter(({ status }) => all || status === 'failed' || status === 'warning')
  const place = ({ section }: Check) => (SECTIONS.includes(section) ? SECTIONS.indexOf(section) : SECTIONS.length)
  const lines = shown
    .toSorted((one, other) => place(one) - place(other))
    .flatMap((check, at, sorted) =>
      checkLines(check, { first: check.section !== sorted[at - 1]?.section, found, canvas }),
    )
  return [...lines, ...(lines.length > 0 ? [''] : []), ...verdictLines(found, canvas)].join('\n')
}

type Around = { readonly first: boolean; readonly found: Examination; readonly canvas: Canvas }

function checkLines(check: Check, { first, found, canvas }: Around): string[] {
  const { to } = canvas
  const { word, colour } = SIGNS[check.status] ?? { word: check.status, colour: (one) => one.dim }
  const section = to.dim((first ? harmlessLine(check.section) : '').padEnd(WIDTH))
  const seen = check.seenBy === 'them' ? to.dim('seen there: ') : ''
  const head = `${section}  ${colour(to)(harmlessLine(word).padEnd(SIGN_WIDTH))}  ${seen}${harmlessLine(check.summary)}`
  if (check.status === 'ok' || check.status === 'skipped') return [head]
  const hang = ' '.repeat(WIDTH + SIGN_WIDTH + 4)
  return [
    head,
    ...(check.cause ? [`${hang}${harmlessLine(check.cause)}`] : []),
    ...(check.command ? [`${hang}${actLine(check, found, canvas)}`] : []),
  ]
}

const WHO: Readonly<Record<string, string>> = { us: 'here', them: 'on the other side', nobody: 'nobody has to act' }

/** A command of ours is pasted as it is; theirs is told to their operator. */
function actLine(
  { side, command }: Pick<Check, 'side' | 'command'>,
  found: Examination,
  { to, paste }: Canvas,
): string {
  const peer = found.name || found.peerId
  const named = peer && found.peerId ? command.replaceAll(found.peerId, peer) : command
  if (side === 'us')
    return `${to.dim(`${WHO['us']}:`)} ${paste(harmlessLine(peer ? named.replaceAll('<peer>', peer) : named))}`
  if (side === 'nobody') return `${to.dim(`${WHO['nobody']}:`)} ${paste(harmlessLine(named))}`
  if (side === 'them' && isOfOurRecords(command, found))
    return `${to.dim('theirs to mend; what we know of it:')} ${paste(harmlessLine(named))}`
  return `${to.dim(`${WHO[side] ?? side}:`)} ${harmlessLine(named)}`
}

/** Our ids mean something here alone: whoever has to act, such a command is run by us. */
const isOfOurRecords = (command: string, { peerId }: Examination): boolean =>
  (peerId !== '' && command.includes(peerId)) || /^fedctl (remediation show|why) /.test(command)

function verdictLines(found: Examination, canvas: Canvas): string[] {
  const { verdict } = found
  const { to } = canvas
  const counts = countsOf(verdict)
  if (verdict.symptom === 'healthy')
    return [`${to.good('healthy')}  ${to.dim(counts)}`, ...(found.peerId ? [] : [elsewhere(canvas)])]
  const colour = verdict.failed > 0 ? to.bad : to.warn
  return [
    `${colour(harmlessLine(verdict.symptom))}  ${harmlessLine(verdict.summary)}`,
    ...(verdict.command ? [`  ${actLine(verdict, found, canvas)}`] : []),
    to.dim(`  ${counts}; more: docs/doctor.md#${harmlessLine(verdict.symptom)}`),
  ]
}

/** That this platform is well says nothing of those it speaks with. */
const elsewhere = ({ to, paste }: Canvas): string =>
  to.dim(
    `  of this platform; who is not heard: ${paste('fedctl signal list')}; one peering: ${paste('fedctl doctor peer <peer>')}`,
  )

const countsOf = ({ failed, warnings, skipped }: Verdict): string =>
  `${failed} failed, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}, ${skipped} skipped`
