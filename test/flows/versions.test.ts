import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, TestPlatform } from '../mesh.ts'
import { type, typeJson, typeRefused } from './operator-at-keyboard.ts'
import { diagnosed } from './runbook.ts'

type Compatibility = {
  peer_id: string
  remote_version: string
  status: string
  status_before: string
  status_there: string
  source: string
  notes: string
}
type Listed = { local_version: string; compatibilities: [Compatibility] }
type Ruled = { rule: { id: string }; changed: Compatibility[]; enforcement: { by: string } | null }
type Simulated = { safe: boolean; worse: number; better: number; advice: string[] }

let a: TestPlatform
let b: TestPlatform
let onA: string
let onB: string
beforeAll(async () => {
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry: { DISCLOSURE_PLATFORM_VERSION: '1.2.0' } }),
    TestPlatform.start('b', { registry: { DISCLOSURE_PLATFORM_VERSION: '1.3.0' } }),
  ])
  ;({ onA, onB } = await federate(a, b))
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

const upgrade = (platform: TestPlatform, version: string) =>
  platform.restart('peer-registry', { DISCLOSURE_PLATFORM_VERSION: version })
const ofB = async () => (await typeJson<Listed>(a, `version list ${onA}`)).compatibilities[0]
const LIST = () => `resource list --peer ${onA} --kind NodeModule`

test('platforms one minor version apart work together, and each says so of the other', async () => {
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  await a.untilFreshness(onA, ({ versionStatusThere }) => versionStatusThere === 'compatible')
  const { local_version, compatibilities } = await typeJson<Listed>(a, 'version list')
  expect(local_version).toBe('1.2.0')
  expect(compatibilities).toMatchObject([
    {
      peer_id: onA,
      remote_version: '1.3.0',
      status: 'compatible',
      status_there: 'compatible',
      source: 'implicit',
      notes: 'minor versions are one apart',
    },
  ])
})

test('before an upgrade one asks: too far would lose the peer, and the way there is said', async () => {
  expect(await typeJson<Simulated>(a, 'version simulate 1.4.0')).toMatchObject({ safe: true, worse: 0 })
  const { exit, json } = await type<Simulated>(a, 'version simulate 2.0.0 -o json')
  expect(exit).toBe(3)
  expect(json()).toMatchObject({ safe: false, worse: 1 })
  expect(json().advice).toContain('they have to be of 2.0 or later first, or both sides upgrade at once')
})

test('a peer that upgrades too far is heard and not active, on both sides, and nothing but beats and statements passes', async () => {
  await upgrade(b, '1.4.0')
  // While its registry starts anew it may be silent for too long as well: what keeps it back is said once it is heard.
  const isKeptBack = ({ state, reason }: Peer) => state === PeerState.DEGRADED && reason.startsWith('by their versions')
  const [seen, seenThere] = await Promise.all([a.until(onA, isKeptBack), b.until(onB, isKeptBack)])
  expect(seen).toMatchObject({
    reason:
      'by their versions (ours 1.2.0, theirs 1.4.0) only heartbeats and statements pass: minor versions are 2 apart, and one is the most',
    versionStatus: 'incompatible',
    openItems: [expect.stringContaining('1.4.0 is incompatible with ours')],
  })
  expect(seenThere.reason).toContain('ours 1.4.0, theirs 1.2.0')
  expect(await typeRefused(a, LIST())).toMatchObject({ reason: 'VERSION_INCOMPATIBLE', exit: 4 })
  const { verdict } = await diagnosed(a, onA, 'version_incompatible')
  expect(verdict).toMatchObject({ side: 'us', command: 'fedctl version list' })
  const { lastHeardAt } = await a.untilFreshness(onA, ({ hearing }) => hearing === 'both')
  const heardAgain = await a.liveness.beatPeer({ peerId: onA }).then(() => b.liveness.beatPeer({ peerId: onB }))
  expect(heardAgain.freshness?.consecutiveFailures).toBe(0)
  const later = await a.untilFreshness(onA, (now) => now.lastHeardAt?.seconds !== lastHeardAt?.seconds || now.lastHeardAt?.nanos !== lastHeardAt?.nanos) // prettier-ignore
  expect(later).toMatchObject({ hearing: 'both', versionStatusThere: 'incompatible' })
  expect((await a.until(onA, () => true)).state).toBe(PeerState.DEGRADED)
})

test('a rule on one side lets that side through, and the other still says no: both have to say it', async () => {
  const rehearsed = await typeJson<Ruled>(a, 'version set 1.2 1.4 compatible --dry-run')
  expect(rehearsed).toMatchObject({ dry_run: true, changed: [{ status: 'compatible', status_before: 'incompatible' }], enforcement: null }) // prettier-ignore
  expect((await ofB()).status).toBe('incompatible')

  const set = ['version', 'set', '1.2', '1.4', 'compatible', '--notes', 'tried in staging']
  const { rule, changed, enforcement } = await typeJson<Ruled>(a, set)
  expect(changed).toMatchObject([{ peer_id: onA, status: 'compatible', source: 'operator', notes: 'tried in staging' }])
  expect(enforcement).not.toBeNull()
  await a.untilState(onA, PeerState.ACTIVE)
  expect(await ofB()).toMatchObject({ status: 'compatible', status_there: 'incompatible', source: 'operator' })
  const refused = await typeRefused(a, LIST())
  // Without a grant of theirs nothing leaves; that it would not be let in either is what they say of the versions.
  expect(refused.reason).toBe('GRANT_REQUIRED')
  const { exit } = await type(b, 'resource list --peer a --kind NodeModule -o json')
  expect(exit).not.toBe(0)

  await typeJson(a, 'version remove 1.2 1.4 --yes')
  await a.untilState(onA, PeerState.DEGRADED)
  expect(await typeRefused(a, 'version remove 1.2 1.4 --yes')).toMatchObject({ reason: 'USAGE', exit: 2 })
  expect(await typeRefused(a, `version remove ${rule.id} --yes`)).toMatchObject({ reason: 'VERSION_RULE_NOT_FOUND', exit: 2 }) // prettier-ignore
})

test('a rule can refuse some kinds and leave the rest; a word that is no kind would refuse nothing, and is not taken', async () => {
  const mistyped = await typeRefused(a, 'version set 1.2 1.4 degraded --refuse NodeModule,resource.write')
  expect(mistyped).toMatchObject({ reason: 'USAGE', exit: 2, message: expect.stringContaining('resource.write') })
  await typeJson(a, 'version set 1.2 1.4 degraded --refuse NodeModule')
  const peer = await a.untilState(onA, PeerState.ACTIVE)
  expect(peer).toMatchObject({ versionStatus: 'degraded', refusedKinds: ['NodeModule'] })
  expect(await typeRefused(a, LIST())).toMatchObject({ reason: 'VERSION_KIND_REFUSED' })
  expect(await typeRefused(a, `resource list --peer ${onA} --kind skill`)).toMatchObject({ reason: 'GRANT_REQUIRED' })
})

test('when our side follows, both are active again by themselves, and the ledger tells how it came', async () => {
  await upgrade(a, '1.3.5')
  const isBack = ({ state, versionStatus }: Peer) => state === PeerState.ACTIVE && versionStatus === 'compatible'
  await Promise.all([a.until(onA, isBack), b.until(onB, isBack)])
  await a.untilFreshness(onA, ({ versionStatusThere }) => versionStatusThere === 'compatible')
  const moves = (await a.ledgerOf(onA, 'federation.peer.active')).filter((kind) => /\.(active|degraded)$/.test(kind))
  expect(moves.slice(0, 3)).toEqual(['federation.peer.active', 'federation.peer.degraded', 'federation.peer.active'])
})

test('a version that was forgotten at the next start cuts nobody off: we stay what we were, and the doctor says so', async () => {
  await upgrade(a, '')
  const { verdict, exit } = await diagnosed(a, '', 'version_unnamed')
  expect(verdict).toMatchObject({ side: 'us', summary: expect.stringContaining('it stays 1.3.5') })
  expect(exit).toBe(3)
  expect((await typeJson<Listed>(a, 'version list')).local_version).toBe('1.3.5')
  expect((await b.until(onB, () => true)).disclosure?.platformVersion, 'and says so to peers').toBe('1.3.5')
  expect((await a.untilState(onA, PeerState.ACTIVE)).versionStatus).toBe('compatible')
})

test('one word does not cut everybody off: whoever calls says how many it has seen', async () => {
  const versions = createClient(VersionService, a.transport('peer-registry'))
  const everybody = { localVersion: '1', remoteVersion: '1', status: 'incompatible' }
  await expectRefusal(versions.setVersionRule(everybody), 'VERSION_RULE_CUTS_OFF')
  const { worse } = await versions.setVersionRule({ ...everybody, dryRun: true })
  expect(worse).toBe(1)
  await expectRefusal(versions.setVersionRule({ ...everybody, expectedWorse: worse - 1 }), 'VERSION_RULE_CUTS_OFF')
  expect((await a.untilState(onA, PeerState.ACTIVE)).versionStatus).toBe('compatible')
})
