import { trustDomainFor } from '@powernode/payload'
import type { Child } from './child.ts'
import type { Place } from './place.ts'
import type { Template } from './records.ts'

/** What a spawn does, one line each, for whoever thinks about it. */
export function planOf(child: Child, place: Place, { template, trustDomain }: PlanOf): readonly string[] {
  const { hostname, spawnMode } = child
  const minutes = child.tokenTtlMs / 60_000
  return [
    `a peer ${hostname} is proposed, as our ${spawnMode}; its platform will be ${trustDomainFor(hostname, trustDomain)}`,
    `a boot-bound invitation is made: it lives ${minutes} min without a sign of progress, until ${child.bootDeadline.toISOString()} at most`,
    ...(spawnMode === 'cluster_member'
      ? ['a replication slot is reserved in our Postgres', 'a role is made that may replicate, for 30 days']
      : []),
    `${place.provider.name} makes an instance in ${place.region.name}: ${place.type.name} (${sizeOf(place)}), of the template ${template.name}`,
    `it is told to call us at ${child.parentUrl}`,
    ...MODE_LINES[spawnMode],
    'when beats go both ways it is active; whatever fails before that is undone',
  ]
}

export type PlanOf = { readonly template: Template; readonly trustDomain: string }

const MODE_LINES: Readonly<Record<Child['spawnMode'], readonly string[]>> = {
  managed_child: [
    'it grants us managed_child_operator for 365 days, and takes our approval policies as its defaults',
    'its node gets a certificate of our CA',
  ],
  autonomous_peer: [],
  cluster_member: ['it copies our database and follows it, and is handed the address of our Redis'],
}

const sizeOf = ({ type }: Place): string => `${type.cpus} CPUs, ${Math.round(type.memoryBytes / 2 ** 20)} MiB`

/** What ending a child takes away, one line each. */
export function effectsOf({ hostname, state, spawnMode, peerId }: Child): readonly string[] {
  if (state === 'gone' || state === 'undoing') return []
  const spoken = state === 'joining' || state === 'active'
  return [
    ...(peerId === null
      ? []
      : [
          spoken ? `the peering with ${hostname} is revoked` : `its invitation is dead, and its peer ${peerId} revoked`,
        ]),
    ...(state === 'preparing' ? [] : ['its instance is ended, with everything on it']),
    ...(spawnMode === 'cluster_member' ? ['its replication role and slot are dropped'] : []),
  ]
}
