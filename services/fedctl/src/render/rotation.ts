import { RotationStep, type GetAuthorityResponse, type Rotation } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import { sheet, table } from './table.ts'
import { left } from './time.ts'
import { plural, word } from './words.ts'

/** The CA: its generations, what they are for now, and whether one is being replaced. */
export function authorityText(authority: GetAuthorityResponse, canvas: Canvas): string {
  const { to, now, width } = canvas
  const facts = sheet(
    [
      ['trust domain', authority.trustDomain, to.bold],
      ['platform id', authority.platformId],
      ['trust bundle', `sequence ${authority.trustBundleSequence}`],
    ],
    to,
  )
  const colours: Readonly<Record<string, (text: string) => string>> = {
    current: to.good,
    next: to.warn,
    previous: to.warn,
    retired: to.dim,
  }
  const generations = table(
    authority.authorities,
    [
      { title: 'GENERATION', text: ({ generation }) => String(generation) },
      { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => colours[status] ?? ((text) => text) },
      { title: 'ROOT UNTIL', text: ({ root }) => `in ${left(root?.notAfter, now)}` },
      { title: 'ISSUING UNTIL', text: ({ issuing }) => `in ${left(issuing?.notAfter, now)}` },
      { title: 'ROOT SHA-256', text: ({ root }) => root?.fingerprint ?? '-' },
    ],
    to,
    width,
  )
  const rotation = authority.rotation ? `\n\n${rotationText(authority.rotation, canvas)}` : ''
  return `${facts}\n\n${generations}${rotation}`
}

/** How far a rotation got, and whom it waits for. */
export function rotationText(rotation: Rotation, { to, width, paste }: Canvas): string {
  const step = word(RotationStep, rotation.step)
  const facts = sheet(
    [
      ['rotation', rotation.id || '(rehearsal)', to.bold],
      ['step', rotation.rehearsal ? 'rehearsal: nothing was changed' : step, rotation.rehearsal ? to.warn : to.good],
      ['generation', `${rotation.fromGeneration} → ${rotation.toGeneration}`],
      ['bundle', rotation.bundleSequence > 0n ? `sequence ${rotation.bundleSequence}` : ''],
      rotation.step === RotationStep.PLANNED
        ? ['must learn', `${plural(rotation.holders.length, 'holder')}: all of them, before anything is signed`]
        : ['waiting for', plural(waiting(rotation).length, 'holder')],
      ['next', paste(rotation.next), to.bold],
    ],
    to,
  )
  if (rotation.holders.length === 0) return facts
  const holders = table(
    rotation.holders,
    [
      { title: 'HOLDER', text: ({ holder }) => holder },
      { title: 'NAME', text: ({ name }) => name || '-' },
      { title: 'TRUSTS BOTH', text: trusts, colour: ({ acknowledged }) => (acknowledged ? to.good : to.warn) },
      { title: 'RENEWED', text: ({ renewed }) => (renewed ? 'yes' : '-') },
      { title: 'DETAIL', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )
  return `${facts}\n\n${holders}`
}

const trusts = ({ acknowledged, overridden }: Rotation['holders'][number]): string =>
  acknowledged ? 'yes' : overridden ? 'overridden' : 'not yet'

/** Whom the next step waits for: receipts before the switch, new certificates after it. */
export function waiting({ holders, step }: Rotation): Rotation['holders'] {
  const left = holders.filter(({ overridden }) => !overridden)
  if (step === RotationStep.PUBLISHED) return left.filter(({ acknowledged }) => !acknowledged)
  if (step === RotationStep.SWITCHED) return left.filter(({ renewed }) => !renewed)
  return []
}
