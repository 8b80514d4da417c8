import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PeerState, SpawnMode, SpawnRole, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestPlatform } from '../mesh.ts'
import { type, typeJson, typeRefused } from './operator-at-keyboard.ts'
import { childOf, CLEAN, isActive, isGone, keyboardOf, machineOf, parentPlatform, slateOf, spawn, spawnEvents, untilChild, type ChildJson } from './spawning.ts' // prettier-ignore

type PeerJson = {
  readonly id: string
  readonly state: string
  readonly spawn_role: string
  readonly spawn_mode: string
}
type GrantJson = { readonly id: string; readonly resource_kind: string; readonly scopes: readonly string[]; readonly remote_subject: string; readonly issued_at: string; readonly expires_at: string } // prettier-ignore
type Grants = { readonly grants: readonly GrantJson[] }
type Capabilities = { readonly capabilities: readonly { readonly resource_kind: string }[] }
type Policies = { readonly policies: readonly { readonly action: string; readonly verb: string; readonly set_by: string }[] } // prettier-ignore

const DAY_MS = 86_400_000

describe('a managed child comes up already federated', () => {
  let a: TestPlatform
  let child: ChildJson
  let token: string
  beforeAll(async () => {
    a = await parentPlatform('a')
    await typeJson(a, 'policy set sdwan.federation_peer_revoke require_approval')
  }, 300_000)
  afterAll(() => a?.stop())

  test('a rehearsal says what would be done, line by line, and does none of it', async () => {
    const { plan } = await typeJson<{ plan: string[] }>(a, 'child spawn west-1 --dry-run')
    expect(plan.length).toBeGreaterThan(3)
    expect(await slateOf(a)).toEqual(CLEAN)
  })

  test('one command, and nobody types anything in the child', { timeout: 300_000 }, async () => {
    const spawned = await spawn(a, 'west-1', 'managed_child', '--route', 'fd12:3456::/64')
    token = spawned.acceptance_token
    expect(token).toMatch(/^[\w-]{43}$/)
    child = await untilChild(a, 'west-1', isActive)
    expect(child.steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'prepare_peer done',
      'create_instance done',
      'await_boot done',
      'await_accept done',
      'await_active done',
    ])
    // Its provider says so when it is asked next.
    child = await untilChild(a, 'west-1', ({ instance }) => instance?.state === 'running')
  })

  test('each is to the other what the mode says, under certificates that the parent signed', async () => {
    const peer = await a.until(child.peer_id, ({ state }) => state === PeerState.ACTIVE)
    expect(peer).toMatchObject({
      spawnRole: SpawnRole.PARENT,
      spawnMode: SpawnMode.MANAGED_CHILD,
      trustMode: TrustMode.HIERARCHICAL,
      name: 'west-1',
      contractVersion: 1,
    })
    const { peers } = await typeJson<{ peers: PeerJson[] }>(keyboardOf(a, child), 'peer list')
    expect(peers).toMatchObject([{ state: 'active', spawn_role: 'child', spawn_mode: 'managed_child' }])
  })

  test('the parent learnt from the child where it is reached, and knows it by no address of its own', async () => {
    const { url } = await a.until(child.peer_id, (peer) => peer.url !== '')
    expect(url).toMatch(/^https:/)
    expect(url).not.toBe(a.platform.url)
  })

  test("the child lets the parent's operators act for a year, and the parent holds the mirror of that very grant", async () => {
    const there = await typeJson<Grants>(keyboardOf(a, child), 'grant list --status active')
    expect(there.grants).toMatchObject([{ resource_kind: 'managed_child_operator' }])
    const [grant] = there.grants as [GrantJson]
    expect(grant.scopes.toSorted()).toEqual(['admin', 'read', 'write'])
    expect(grant.remote_subject).toMatch(/^parent-operator@/)
    expect(Math.round((Date.parse(grant.expires_at) - Date.parse(grant.issued_at)) / DAY_MS)).toBe(365)
    const shown = await untilChild(a, 'west-1', ({ grants_received }) => grants_received.length > 0)
    expect(shown.grants_received).toMatchObject([{ id: grant.id, resource_kind: 'managed_child_operator' }])
  })

  test('both set how resources travel, and the parent gives its child no grant', async () => {
    const kinds = ({ capabilities }: Capabilities) => capabilities.map(({ resource_kind }) => resource_kind).toSorted()
    const travelling = ['NodeModule', 'platform_deployment', 'service_offering']
    expect(kinds(await typeJson(a, 'capability list --peer west-1'))).toEqual(travelling)
    expect(kinds(await typeJson(keyboardOf(a, child), 'capability list'))).toEqual(travelling)
    expect((await typeJson<Grants>(a, 'grant list --peer west-1')).grants).toEqual([])
  })

  test("the parent's policies are its defaults, until its own operators set one", async () => {
    const keyboard = keyboardOf(a, child)
    const policyOf = async (action: string) =>
      (await typeJson<Policies>(keyboard, 'policy list')).policies.find((one) => one.action === action)
    const inherited = await policyOf('sdwan.federation_peer_revoke')
    expect(inherited).toMatchObject({ verb: 'require_approval', set_by: expect.stringMatching(/^peer\//) })
    await typeJson(keyboard, 'policy set sdwan.federation_peer_revoke blocked')
    expect(await policyOf('sdwan.federation_peer_revoke')).toMatchObject({
      verb: 'blocked',
      set_by: expect.stringMatching(/^operator\//),
    })
  })

  test('its machine has a certificate of the parent, in the name of the instance', async () => {
    const { certificates } = await a.authority.listCertificates({ pageSize: 1_000 })
    const names = certificates.filter(({ revokedAt }) => !revokedAt).map(({ spiffeId }) => spiffeId)
    expect(names).toContain(`spiffe://a.example/instance/${child.instance?.id}`)
  })

  test('its token stands nowhere: not in a file, a database, a log or a store, on either side', () => {
    const holders = globSync('**/*', { cwd: a.platform.dir, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => existsSync(path) && readFileSync(path).includes(token))
    expect(holders).toEqual([])
  })

  test('its first run is over for good: the marker is there, and a restart brings the same child back', async () => {
    const [marker] = globSync('**/federation-accepted', { cwd: machineOf(a, child) })
    expect(marker).toBeDefined()
    const { exit, out } = await type(a, 'instance restart west-1 --wait 150s -o json')
    expect(exit, out).toBe(0)
    await a.until(child.peer_id, ({ state }) => state === PeerState.ACTIVE)
    expect((await childOf(a, 'west-1')).peer_id).toBe(child.peer_id)
  })

  test('what has spoken needs no token, and its machine is not ended behind its back', async () => {
    expect(await typeRefused(a, 'child rotate-token west-1')).toMatchObject({
      reason: expect.stringMatching(/BOOT_INVITATION_OVER|CHILD_STATE_FORBIDS/),
    })
    expect(await typeRefused(a, 'instance terminate west-1')).toMatchObject({ reason: 'INSTANCE_IN_USE', exit: 4 })
  })

  test('emancipated it is managed no longer, and stays our peer', async () => {
    await typeJson(a, 'child emancipate west-1 --reason grown')
    await untilChild(a, 'west-1', ({ grants_received }) => grants_received.length === 0)
    const { grants } = await typeJson<Grants>(keyboardOf(a, child), 'grant list --status active')
    expect(grants).toEqual([])
    expect((await childOf(a, 'west-1')).state).toBe('active')
  })

  test('terminated it leaves nothing, and the record says why', async () => {
    const { effects } = await typeJson<{ effects: string[] }>(a, 'child terminate west-1 --dry-run')
    expect(effects.length).toBeGreaterThan(0)
    expect((await childOf(a, 'west-1')).state).toBe('active')
    await typeJson(a, 'child terminate west-1 --reason done')
    const gone = await untilChild(a, child.id, isGone)
    expect(gone.reason).toContain('done')
    expect(await slateOf(a)).toEqual(CLEAN)
    expect(await spawnEvents(a, 'gone')).toEqual([
      'requested',
      'peer_prepared',
      'instance_created',
      'booting',
      'spoken',
      'joined',
      'active',
      'terminated',
      'gone',
    ])
    expect((await typeJson<{ children: unknown[] }>(a, 'child list')).children).toEqual([])
  })
})
