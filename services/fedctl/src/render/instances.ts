import type { Instance, Orphan } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Canvas } from '../output.ts'
import type { SpawnName } from '../spawn-names.ts'
import { harmless, type Paint } from './paint.ts'
import { sheet, table, type Fact } from './table.ts'
import { age, moment, span } from './time.ts'

export function instanceTable(instances: readonly Instance[], { now, to, width }: Canvas, name: SpawnName): string {
  if (instances.length === 0) return 'no instances'
  return table(
    instances,
    [
      { title: 'INSTANCE', text: ({ hostname, id }) => hostname || id },
      { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => instanceColour(to, state) },
      { title: 'SINCE', text: ({ since }) => age(since, now) },
      { title: 'PROVIDER', text: ({ providerId }) => name(providerId) },
      { title: 'REGION', text: ({ regionId }) => name(regionId) || '-' },
      { title: 'TYPE', text: ({ instanceTypeId }) => name(instanceTypeId) || '-' },
      { title: 'REF', text: ({ providerRef }) => providerRef || '-' },
      { title: 'PROGRESS', text: ({ progress, reason }) => progress || reason || '-' },
    ],
    to,
    width,
  )
}

export function instanceFacts(instance: Instance, { now, to }: Canvas, name: SpawnName): Fact[] {
  const { state, progressAt } = instance
  return [
    ['instance', instance.id],
    ['state', state, instanceColour(to, state)],
    ['reason', instance.reason],
    ['since', instance.since ? `${moment(instance.since)} UTC, ${age(instance.since, now)} ago` : ''],
    ['progress', instance.progress + (progressAt ? ` (${age(progressAt, now)} ago)` : '')],
    ['where', [instance.providerId, instance.regionId, instance.instanceTypeId].map(name).filter(Boolean).join(', ')],
    ['there called', instance.providerRef],
  ]
}

/** One instance, and the end of what its console says. */
export function instanceSheet(
  instance: Instance,
  consoleLines: readonly string[],
  canvas: Canvas,
  name: SpawnName,
): string {
  const { to } = canvas
  const facts: Fact[] = [['hostname', instance.hostname, to.bold], ['child', instance.childId], ...instanceFacts(instance, canvas, name)] // prettier-ignore
  const lines = consoleLines.map((line) => `  ${harmless(line)}`)
  return [sheet(facts, to), ...(lines.length > 0 ? [`${to.bold('Console')}\n${lines.join('\n')}`] : [])].join('\n\n')
}

/** What nobody needs any more, or what is missing, the oldest first. */
export function orphanTable(orphans: readonly Orphan[], { to, width, paste }: Canvas, name: SpawnName): string {
  if (orphans.length === 0) return to.good('no orphans')
  const oldestFirst = orphans.toSorted((x, y) => Number(y.ageSeconds - x.ageSeconds))
  return table(
    oldestFirst,
    [
      { title: 'KIND', text: ({ kind }) => kind },
      { title: 'NAME', text: ({ name: own }) => own },
      { title: 'PROVIDER', text: ({ providerId }) => name(providerId) || '-' },
      { title: 'AGE', text: ({ ageSeconds }) => span(Number(ageSeconds) * 1_000), colour: () => to.warn },
      { title: 'NEXT', text: ({ next }) => paste(next) || '-' },
    ],
    to,
    width,
  )
}

function instanceColour(to: Paint, state: string): (text: string) => string {
  if (state === 'running') return to.good
  if (state === 'lost') return to.bad
  return state === 'gone' ? to.dim : to.warn
}
