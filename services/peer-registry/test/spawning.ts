import { randomUUID } from 'node:crypto'
import { joinParent, type BootPayload } from '../src/operations/join-parent.ts'
import { prepareChild, type ChildWanted } from '../src/operations/prepare-child.ts'
import type { Peer } from '../src/peer.ts'
import { BY, type TestPlatform } from './platform.ts'

export const AGENT = { actor: 'service/node-agent' }
export const MINUTE_MS = 60_000

/** What spawn-provisioner has a parent do before it makes a machine. */
export const prepare = ({ act, us }: TestPlatform, said: Partial<ChildWanted> = {}) =>
  act((tx, now) => prepareChild(tx, now, { ...wanted(), us, by: BY, ...said }))

const wanted = (): Omit<ChildWanted, 'us' | 'by'> => ({
  spawnId: randomUUID(),
  spawnMode: 'managed_child',
  name: '',
  instanceId: randomUUID(),
  ttlMs: 10 * MINUTE_MS,
  metadata: { template: 'hub' },
})

/** What the agent of the machine asks of the child's registry, with the payload that `parent` had stamped. */
export const join = (
  { act, us }: TestPlatform,
  parent: Pick<TestPlatform, 'us'>,
  said: Pick<BootPayload, 'token' | 'parentPeerId'> & Partial<BootPayload>,
): Promise<Peer> =>
  act((tx, now) =>
    joinParent(tx, now, {
      us,
      by: AGENT,
      offer: {
        urls: [parent.us.self.endpoints[0]!.url],
        caPin: Buffer.alloc(32, 1),
        identityKey: Buffer.from(parent.us.key.publicKey),
        platformId: parent.us.platformId,
        platformName: '',
        trustDomain: null,
        window: undefined,
      },
      spawnMode: 'managed_child',
      trustMode: 'hierarchical',
      ...said,
    }),
  )
