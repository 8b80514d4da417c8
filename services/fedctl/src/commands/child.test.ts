import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect'
import { SpawnMode, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { SpawnChildRequest } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal, toConnectError } from '@powernode/rpc'
import { afterEach, expect, test } from 'vitest'
import { PEER, platformWith } from '../testing/ledger.ts'

const CHILD = '0198cccc-0000-7000-8000-00000000000c'
const TOKEN = 'x'.repeat(43)
const AT = timestampFromDate(new Date('2026-11-21T12:00:00Z'))

const booting = {
  id: CHILD,
  hostname: 'west-1',
  spawnMode: SpawnMode.MANAGED_CHILD,
  state: ChildState.BOOTING,
  reason: 'the machine starts',
  since: AT,
  waitingOn: WaitingOn.THEM,
  next: `fedctl child watch ${CHILD}`,
  peerId: PEER,
  templateId: 't-1',
  steps: [
    { name: 'prepare_peer', status: 'done', attempts: 1, startedAt: AT, finishedAt: AT, detail: `peer ${PEER}` },
    { name: 'create_instance', status: 'running', attempts: 2, startedAt: AT, detail: 'kernel' },
    { name: 'await_active', status: 'pending', attempts: 0, detail: '' },
  ],
}
const active = {
  ...booting,
  state: ChildState.ACTIVE,
  reason: 'beats go both ways',
  waitingOn: WaitingOn.NOBODY,
  next: '',
}
const gone = { ...booting, state: ChildState.GONE, reason: 'it never spoke', next: '' }
const records = {
  listTemplates: () => ({ templates: [{ id: 't-1', name: 'default' }] }),
  listProviders: () => ({ providers: [] }),
}

let remove: () => void = () => undefined
afterEach(() => remove())

function platform(spawning: NonNullable<Parameters<typeof platformWith>[0]['spawning']>, peers = {}) {
  const made = platformWith({ spawning: { ...records, ...spawning }, peers })
  remove = () => made.remove()
  return made
}

test('a spawn names the one template there is, and shows the token this once', async () => {
  const asked: SpawnChildRequest[] = []
  const { type } = platform({
    spawnChild(request) {
      asked.push(request)
      return { child: booting, acceptanceToken: TOKEN, spawnPayload: { parent_url: 'https://a.test' } }
    },
  })
  const { exit, out } = await type('child spawn west-1 --route fd00::/64 --capability gpus=2 --token-ttl 5m')
  expect(exit).toBe(0)
  expect(asked[0]).toMatchObject({
    childHostname: 'west-1',
    childTemplateId: 'default',
    spawnMode: SpawnMode.MANAGED_CHILD,
    proposedRoutes: ['fd00::/64'],
    proposedCapabilities: { gpus: 2 },
    tokenTtl: { seconds: 300n },
  })
  expect(out).toContain(TOKEN)
  expect(out).toMatch(
    /state +booting\nreason +the machine starts\n.*\nwaiting on +the child\nnext +fedctl --context \S+ child watch/,
  )
})

test('what machines have to do first is waited for as long as their provider may take: who gave up would not see the token', async () => {
  const within: Record<string, number> = {}
  const notes = (verb: string, { timeoutMs }: HandlerContext) => void (within[verb] = timeoutMs() ?? Infinity)
  const instance = { id: 'i-1', hostname: 'west-1', state: 'running' }
  const { type } = platform({
    spawnChild: (_, context) => (notes('spawn', context), { child: booting, acceptanceToken: TOKEN }),
    rotateToken: (_, context) => (notes('rotate', context), { child: booting, acceptanceToken: TOKEN }),
    restartInstance: (_, context) => (notes('restart', context), { instance }),
    terminateInstance: (_, context) => (notes('terminate', context), {}),
  })
  const lines = [
    'child spawn west-1',
    'child rotate-token west-1',
    'instance restart i-1',
    'instance terminate i-1 --yes',
  ]
  for (const line of lines) expect((await type(line)).exit, line).toBe(0)
  expect(Object.keys(within)).toEqual(['spawn', 'rotate', 'restart', 'terminate'])
  expect(Math.min(...Object.values(within))).toBeGreaterThan(150_000) // of boot-invitation.ts
})

test('where there are several templates, one has to be named', async () => {
  const { type } = platform({ listTemplates: () => ({ templates: [{ name: 'small' }, { name: 'large' }] }) })
  const { exit, err } = await type('child spawn west-1')
  expect([exit, err]).toEqual([2, expect.stringMatching(/made of what\?[\s\S]*--template small\|large/)])
})

test('a rehearsed spawn is a plan, and no token', async () => {
  const { type } = platform({ spawnChild: () => ({ child: booting, plan: ['make a peer', 'make a machine'] }) })
  const { out } = await type('child spawn west-1 --dry-run')
  expect(out).toMatch(/^Dry run[\s\S]*- make a peer\n {2}- make a machine\n$/)
  const { out: json } = await type('child spawn west-1 --dry-run -o json')
  expect(JSON.parse(json)).toMatchObject({ dry_run: true, plan: ['make a peer', 'make a machine'] })
  expect(JSON.parse(json)).not.toHaveProperty('acceptance_token')
})

test('waiting shows every step once, also when the service was away in between, and ends when the child is active', async () => {
  let asked = 0
  const { type, clock } = platform({
    spawnChild: () => ({ child: booting, acceptanceToken: TOKEN }),
    async *watchSpawn() {
      asked += 1
      yield { child: booting, at: AT }
      if (asked === 1) throw new ConnectError('restarting', Code.Unavailable)
      yield { child: active, at: AT }
    },
  })
  const typed = type('child spawn west-1 --wait 30s')
  await clock.sleeping(2) // the patience, and the pause before it is asked again
  await clock.advance(500)
  const { exit, out } = await typed
  expect(exit, out).toBe(0)
  expect(out.match(/prepare_peer +done/g)).toHaveLength(1)
  expect(out).toMatch(/create_instance +running +kernel/)
  expect(out).not.toMatch(/await_active/)
  expect(out).toMatch(/west-1 {2}active +beats go both ways/)
  expect(asked).toBe(2)
})

test('a spawn that comes to nothing ends the wait, and says why', async () => {
  const { type } = platform({
    spawnChild: () => ({ child: booting }),
    async *watchSpawn() {
      yield { child: gone, at: AT }
    },
  })
  const { exit, err } = await type('child spawn west-1 --wait')
  expect(exit).toBe(5)
  expect(err).toMatch(/west-1 came to nothing: it never spoke \(SPAWN_ENDED\)\nnext.*child show/)
})

test('patience ends: it says where the child stands, and that it goes on', async () => {
  const { type, clock } = platform({
    spawnChild: () => ({ child: booting }),
    async *watchSpawn(_request, { signal }) {
      yield { child: booting, at: AT }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  })
  const typed = type('child spawn west-1 --wait 20s')
  await clock.sleeping(1)
  await clock.advance(20_000)
  const { exit, err } = await typed
  expect([exit, err]).toEqual([
    6,
    expect.stringContaining('after 20s west-1 is booting: the machine starts; it goes on'),
  ])
})

test('the list says how far each has come, by the names that people gave', async () => {
  const { type } = platform({ listChildren: () => ({ children: [booting] }) })
  const { out } = await type('child list')
  expect(out).toMatch(/^CHILD +MODE +STATE +SINCE +STEP +TEMPLATE +REPLICA +WHY\n/)
  expect(out).toMatch(
    /west-1 +managed_child +booting +\S+ +create_instance 1\/3 +default +- +the machine starts; waits for it/,
  )
})

test('no children: the first command', async () => {
  const { type } = platform({ listChildren: () => ({ children: [] }) })
  expect((await type('child list')).out).toMatch(/^no children; make one: fedctl --context \S+ child spawn <hostname>/)
})

test('the page of a cluster_member shows how far its replica is behind', async () => {
  const clusterMember = { state: 'streaming', replayLagBytes: 2_048n, replayLagSeconds: 0.25, retainedWalBytes: 16_777_216n, walStatus: 'reserved', observedAt: AT, redisAddress: 'redis:6379', redisStatus: 'reachable' } // prettier-ignore
  const { type } = platform({ getChild: () => ({ child: { ...active, clusterMember } }) })
  const { out } = await type('child show west-1')
  expect(out).toMatch(
    /behind +2KiB, 250ms\n[\s\S]*WAL kept for it +16MiB, reserved\n[\s\S]*redis +redis:6379, reachable/,
  )
  expect(out).not.toContain('why')
  expect(out).toMatch(/1 service did not answer[\s\S]*grant-authz/)
})

test('the page of a cluster_member says why it is as it is', async () => {
  const reason = 'it says that it leads in our place, on timeline 2; it is not believed by its word alone'
  const clusterMember = { state: 'lagging', reason }
  const { type } = platform({ getChild: () => ({ child: { ...active, clusterMember } }) })
  expect((await type('child show west-1')).out).toMatch(new RegExp(`why +${reason}`))
})

test('emancipating a child is done to its peering', async () => {
  const asked: unknown[] = []
  const peers = {
    emancipatePeer: (request: { peerId: string; reason: string }) => {
      asked.push([request.peerId, request.reason])
      return { peer: { id: PEER, name: 'west-1' }, effects: ['the grant of our operators ends'] }
    },
  }
  const { type } = platform({ getChild: () => ({ child: active }) }, peers)
  const { out } = await type('child emancipate west-1 --reason grown')
  expect(asked).toEqual([[PEER, 'grown']])
  expect(out).toContain('the grant of our operators ends')
})

test('a child that has no peering yet cannot be emancipated', async () => {
  const { type } = platform({ getChild: () => ({ child: { ...booting, peerId: '' } }) })
  const { exit, err } = await type('child emancipate west-1')
  expect([exit, err]).toEqual([4, expect.stringContaining('CHILD_STATE_FORBIDS')])
})

test('a promotion shows each step; forced, it needs a reason before anybody is asked', async () => {
  const { type } = platform({
    async *promoteMember() {
      yield { child: active, step: 'fence_roles', detail: '6 roles, 11 sessions' }
      yield { child: { ...active, clusterMember: { state: 'promoted' } }, step: 'verify', detail: 'timeline 2' }
    },
  })
  expect((await type('child promote west-1 --force')).exit).toBe(2)
  const { exit, out } = await type('child promote west-1')
  expect(exit, out).toBe(0)
  expect(out).toMatch(/fence_roles +6 roles, 11 sessions\n.*verify +timeline 2\nchild +west-1/)
})

test('a promotion that cannot fence says so, after the steps that were taken', async () => {
  const { type } = platform({
    async *promoteMember() {
      yield { child: active, step: 'fence_roles', detail: 'asked' }
      throw toConnectError(new Refusal('FENCE_FAILED', 'two sessions are still open'))
    },
  })
  const { exit, out, err } = await type('child promote west-1')
  expect([exit, out]).toEqual([4, expect.stringContaining('fence_roles')])
  expect(err).toContain('FENCE_FAILED')
})

test('a provider is typed with its places and sizes', async () => {
  const asked: unknown[] = []
  const { type } = platform({
    createProvider(request) {
      asked.push(request)
      const { regions, instanceTypes } = request
      return { provider: { name: 'here', kind: 'process', status: 'ready' }, regions, instanceTypes }
    },
  })
  const line = 'provider create here --kind process --set max_instances=4 --region fra-1=eu --type small=1,512MiB,8GiB'
  const { exit, out } = await type(line)
  expect(exit).toBe(0)
  expect(asked).toMatchObject([
    {
      config: { max_instances: 4 },
      regions: [{ name: 'fra-1', residency: 'eu' }],
      instanceTypes: [{ name: 'small', cpus: 1, memoryBytes: 536_870_912n, diskBytes: 8_589_934_592n }],
    },
  ])
  expect(out).toMatch(/here +process +ready +fra-1=eu +small \(1 cpu, 512MiB, 8GiB disk\)/)
  expect((await type('provider create here --kind process --type small')).exit).toBe(2)
})

test('orphans are listed the oldest first, with what to do, and end with 3', async () => {
  const { type } = platform({
    listOrphans: () => ({
      orphans: [
        { kind: 'slot', name: 'powernode_repl_1', ageSeconds: 60n },
        { kind: 'instance', name: 'pid-4711', ageSeconds: 7_200n, next: 'fedctl instance terminate pid-4711' },
      ],
    }),
  })
  const { exit, out } = await type('instance orphans')
  expect(exit).toBe(3)
  expect(out).toMatch(/instance +pid-4711 +- +2h +fedctl --context \S+ instance terminate pid-4711\nslot/)
})

test('what is on the console of a machine cannot command our terminal', async () => {
  const instance = { id: 'i', hostname: 'west-1', state: 'running' }
  const { type } = platform({ getInstance: () => ({ instance, console: ['ok\u001b[2J', 'up'] }) })
  const { out } = await type('instance show west-1')
  expect(out).toMatch(/Console\n {2}ok\ufffd\[2J\n {2}up/)
})
