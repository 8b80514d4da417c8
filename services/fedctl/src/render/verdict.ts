import type { VerifyLogResponse } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Verified } from '@powernode/tlog'
import type { Canvas } from '../output.ts'
import { counted } from '../progress.ts'
import { damageKind, type Damage } from '../verify/damage.ts'
import type { LogVerdict } from '../verify/folder.ts'
import type { ProofVerdict } from '../verify/proof-file.ts'
import { harmless } from './paint.ts'
import { sheet } from './table.ts'

const AT_MOST = 20

/** Every log of a folder: whole, with who stands by it; or where it breaks. */
export function folderText(verdicts: readonly LogVerdict[], canvas: Canvas): string {
  return verdicts.map((verdict) => logText(verdict, canvas)).join('\n\n')
}

/** Whole logs that are missing: one line each. */
export const notHereText = (names: readonly string[], { to }: Canvas): string =>
  names
    .map((name) => `${to.bad('not here')}  ${harmless(name)}: a key of it was given, and its folder is gone`)
    .join('\n')

function logText({ folder, report, damages }: LogVerdict, { to }: Canvas): string {
  const { checkpoint, signers, found } = report
  const name = harmless(checkpoint?.origin ?? folder)
  if (!report.intact || !checkpoint) {
    const shown = damages.slice(0, AT_MOST).map((one) => damageLine(one, to))
    const more = found > shown.length ? [`  … and ${counted(found - shown.length)} more`] : []
    return [`${to.bad('damaged')}  ${name}`, ...shown, ...more].join('\n')
  }
  const { size, root, origin } = checkpoint
  const { payloads, prunedBelow, beyond } = report
  const facts = sheet(
    [
      ['root', Buffer.from(root).toString('hex')],
      ['signed by', origin],
      ['cosigned by', cosignersOf(signers, origin)],
      ['payloads', payloadsOf(payloads)],
      ['pruned', prunedBelow > 0 ? `entries before ${counted(prunedBelow)}, by a signed statement` : ''],
      ['beyond', beyond > 0 ? `${beyond} files are of entries after the checkpoint: nobody vouches for them yet` : ''],
    ],
    to,
    '  ',
  )
  return `${to.good('whole')}  ${counted(size)} entries of ${name}\n${facts}`
}

const cosignersOf = (signers: readonly string[], origin: string): string =>
  signers.filter((name) => name !== origin).join(', ') || 'nobody whose key was given'

const payloadsOf = ({ checked, absent }: LogVerdict['report']['payloads']): string =>
  checked === 0 ? '' : `${counted(checked)} as hashed, ${counted(absent)} not here: erased, or not disclosed`

const damageLine = ({ kind, at, words }: Damage, to: Canvas['to']): string =>
  `  ${to.bad(kind.replaceAll('_', ' '))}${at === undefined ? '' : ` at entry ${counted(at)}`}: ${harmless(words)}`

const namesOf = (verified: readonly Verified[], type: string): string =>
  verified
    .filter(({ verifier }) => verifier.type === type)
    .map(({ verifier: { name }, atMs }) => (atMs === undefined ? name : `${name} at ${timeOf(atMs)}`))
    .join(', ')

const timeOf = (ms: number): string => `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC`

export const plainFolder = (verdicts: readonly LogVerdict[], notHere: readonly string[]) => ({
  whole: verdicts.every(({ report }) => report.intact) && notHere.length === 0,
  not_here: notHere,
  logs: verdicts.map(({ folder, report, damages }) => ({
    folder,
    whole: report.intact,
    origin: report.checkpoint?.origin ?? null,
    size: report.checkpoint?.size ?? null,
    root: report.checkpoint ? Buffer.from(report.checkpoint.root).toString('hex') : null,
    signers: report.signers,
    entries: report.entries,
    payloads: report.payloads,
    pruned_below: report.prunedBelow,
    beyond: report.beyond,
    damages: damages.map(plainDamage),
    damages_found: report.found,
  })),
})

const plainSignatures = (verified: readonly Verified[]) =>
  verified.map(({ verifier: { name, type, vkey }, atMs }) => ({
    name,
    type,
    vkey,
    at: atMs === undefined ? null : new Date(atMs).toISOString(),
  }))

const plainDamage = ({ kind, at, path, words, exit }: Damage) => ({
  kind,
  at: at ?? null,
  path: path ?? null,
  words,
  exit_code: exit,
})

export function proofVerdictText(
  { damage, index, checkpoint, verified = [], leaf }: ProofVerdict,
  { to }: Canvas,
): string {
  if (damage) return `${to.bad('proves nothing')}\n${damageLine(damage, to)}`
  return [
    `${to.good('proven')}  entry ${index} of ${harmless(checkpoint?.origin ?? '')}, in a tree of ${counted(checkpoint?.size ?? 0)}`,
    sheet(
      [
        ['signed', namesOf(verified, 'ed25519')],
        ['cosigned', namesOf(verified, 'cosignature/v1') || 'by nobody whose key was given'],
        ['entry', Buffer.from(leaf ?? []).toString('utf8')],
      ],
      to,
      '  ',
    ),
  ].join('\n')
}

export const plainProof = ({ damage, index, checkpoint, verified = [], leaf }: ProofVerdict) => ({
  proven: damage === undefined,
  index: index ?? null,
  origin: checkpoint?.origin ?? null,
  size: checkpoint?.size ?? null,
  root: checkpoint ? Buffer.from(checkpoint.root).toString('hex') : null,
  signatures: plainSignatures(verified),
  leaf: leaf ? Buffer.from(leaf).toString('utf8') : null,
  damage: damage ? plainDamage(damage) : null,
})

/** What the service said of its own log. */
export function serviceText(
  { intact, size, root, damage, brokenAt, detail }: VerifyLogResponse,
  { to }: Canvas,
): string {
  if (intact) return `${to.good('whole')}  ${counted(size)} entries, root ${Buffer.from(root).toString('hex')}`
  return `${to.bad('damaged')}  ${damageKind(damage).replaceAll('_', ' ')} at entry ${brokenAt}: ${harmless(detail)}`
}
