import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@powernode/events/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PATIENT, TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

type Grant = {
  id: string
  status: string
  scopes: string[]
  source_cidrs: string[]
  expires_at: string
  revision: number
}
type Issued = { grant: Grant; bearer: string; command: string; dry_run: boolean }
type Listed = {
  resources: { id: string; record: Record<string, unknown>; withheld_fields: string[] }[]
  decision_id: string
}
type Enforced = { enforcement: { by: string; epoch: number } | null }

const ID = expect.stringMatching(/^[0-9a-f-]{36}$/)
const LIST = 'resource list --peer a --kind NodeModule --grant -'

/** How many calls of this kind A has decided about and let in. */
async function decisionsAbout({ ledger }: TestPlatform, rpc: string): Promise<number> {
  const { decisions } = await ledger.listDecisions({ direction: 'in', pageSize: 1_000 })
  return decisions.filter((decision) => decision.allowed && decision.rpc.endsWith(rpc)).length
}

/** Two platforms whose operators give, use and take leave by typing it. Patient with a busy machine. */
describe('what a peer may do, by hand', () => {
  let a: TestPlatform
  let b: TestPlatform
  let issued: Issued
  beforeAll(async () => {
    const options = { registry: PATIENT }
    const home = { ...options, registry: { ...options.registry, DATA_RESIDENCY: 'eu-west-1' } }
    ;[a, b] = await Promise.all([TestPlatform.start('a', options), TestPlatform.start('b', home)])
    await becomePeers(a, b)
  })
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()])
  })

  describe('our own catalogue', () => {
    test('a record is put from a file, from stdin, or field by field', async () => {
      const file = join(a.platform.dir, 'ntp.yaml')
      writeFileSync(file, 'name: ntp\nversion: 4.2.8\ncredentials: hidden\n')
      await typeJson(a, ['resource', 'put', 'NodeModule', 'ntp', '-f', file])
      await typeJson(a, 'resource put NodeModule dns -f - --set version=9', { input: '{"name": "dns", "version": 8}' })
      const { resources } = await typeJson<Listed>(a, 'resource list --kind NodeModule')
      expect(resources.map(({ id, record }) => [id, record['version']])).toEqual([
        ['dns', 9],
        ['ntp', '4.2.8'],
      ])
    })

    test('a rehearsal puts nothing', async () => {
      expect(await typeJson(a, 'resource put NodeModule nfs --set name=nfs --dry-run')).toMatchObject({ dry_run: true })
      expect(await typeRefused(a, 'resource show NodeModule nfs')).toMatchObject({
        reason: 'RESOURCE_NOT_FOUND',
        exit: 2,
      })
    })

    test('what is no record, no file and no kind is said to be so', async () => {
      expect(await typeRefused(a, 'resource put NodeModule x')).toMatchObject({ reason: 'USAGE', exit: 2 })
      expect(await typeRefused(a, 'resource put NodeModule x -f /nowhere.json')).toMatchObject({
        reason: 'USAGE',
        exit: 2,
      })
      expect(await typeRefused(a, 'resource put NodeModule x -f -', { input: '[1]' })).toMatchObject({
        reason: 'USAGE',
        exit: 2,
      })
      expect(await typeRefused(a, 'resource put nodemodule x --set n=1')).toMatchObject({
        reason: 'RESOURCE_KIND_UNKNOWN',
        exit: 2,
      })
    })
  })

  describe('a grant', () => {
    test('rehearsed, it has no bearer and is not there', async () => {
      const tried = await typeJson<Issued>(a, 'grant create b --kind NodeModule --scope read --dry-run')
      expect(tried).toMatchObject({ dry_run: true, bearer: '', command: '' })
      expect(await typeJson(a, 'grant list --peer b --kind NodeModule')).toEqual({ grants: [] })
    })

    test('given, it shows its bearer once and the command for the other side', async () => {
      issued = await typeJson<Issued>(a, 'grant create b --kind NodeModule --scope read --ttl 7d --meta ticket=4711')
      expect(issued.bearer).toMatch(new RegExp(`^fg-${issued.grant.id}\\.[\\w-]{43}$`))
      expect(issued.command).toMatch(/^fedctl resource list --peer \w+ --kind NodeModule --grant -$/)
      const shown = await type(a, `grant show ${issued.grant.id}`)
      expect(shown.exit).toBe(0)
      expect(shown.out).not.toContain(issued.bearer.split('.')[1])
      expect(shown.out).toMatch(/scopes +read[\s\S]*ticket/)
    })

    test('the command it shows works as it is, with the bearer on stdin', async () => {
      const listed = await typeJson<Listed>(b, issued.command.replace('fedctl ', ''), { input: `${issued.bearer}\n` })
      expect(listed.resources.map(({ id }) => id).toSorted()).toEqual(['dns', 'ntp'])
      expect(listed.decision_id).toEqual(ID)
      const ntp = listed.resources.find(({ id }) => id === 'ntp')
      expect(ntp).toMatchObject({ withheld_fields: ['credentials'] })
      expect(ntp?.record).not.toHaveProperty('credentials')
    })

    test('or in FEDCTL_GRANT', async () => {
      const { resource } = await typeJson<{ resource: { id: string } }>(b, 'resource show NodeModule ntp --peer a', {
        grant: issued.bearer,
      })
      expect(resource.id).toBe('ntp')
    })

    test('what it does not cover is refused by the other side, with the axis and both decisions', async () => {
      const refused = await typeRefused(b, 'resource update NodeModule ntp --peer a --set version=5 --grant -', {
        input: issued.bearer,
      })
      expect(refused).toMatchObject({
        exit: 5,
        metadata: { peer_reason: 'SCOPE_MISMATCH', axis: 'scope', decision_id: ID, remote_decision_id: ID },
      })
      expect(
        await typeRefused(b, 'resource update NodeModule ntp --peer a --set version=5 --grant - --dry-run', {
          input: issued.bearer,
        }),
      ).toMatchObject({ metadata: { axis: 'scope' } })
    })

    test('without one, nothing', async () => {
      expect(await typeRefused(b, 'resource list --peer a --kind NodeModule')).toMatchObject({
        reason: 'GRANT_REQUIRED',
      })
      expect(await typeRefused(b, 'resource list --peer a --kind NodeModule --grant hunter2')).toMatchObject({
        reason: 'USAGE',
        exit: 2,
      })
    })

    test('is checked without a call: which scope, which kind, which resource', async () => {
      const { id } = issued.grant
      expect((await type(a, `grant check ${id} --scope read`)).exit).toBe(0)
      const no = await type(a, `grant check ${id} --scope write`)
      expect([no.exit, no.out]).toEqual([4, expect.stringContaining('SCOPE_MISMATCH')])
    })

    test('is narrowed under the same bearer, and the calls that no longer fit are refused', async () => {
      const { id } = issued.grant
      const { grant } = await typeJson<Issued>(a, `grant update ${id} --cidr 192.0.2.0/24`)
      expect(grant.source_cidrs).toEqual(['192.0.2.0/24'])
      expect(await typeRefused(b, LIST, { input: issued.bearer })).toMatchObject({ metadata: { axis: 'source' } })
      expect(await typeRefused(a, `grant update ${id} --cidr 192.0.2.7/24`)).toMatchObject({
        reason: 'GRANT_AXIS_INVALID',
        exit: 2,
      })
      await typeJson(a, ['grant', 'update', id, '--cidr', '*'])
      await typeJson(b, LIST, { input: issued.bearer })
    })

    test('why --peer says of a range of addresses what holds for all of it', async () => {
      await typeJson(a, `grant update ${issued.grant.id} --cidr 10.20.0.0/16`)
      const ask = (from: string) =>
        typeJson<{ allowed: boolean }>(a, `why --peer b --kind NodeModule --scope read --from ${from}`)
      expect([(await ask('10.20.7.0/24')).allowed, (await ask('10.0.0.0/8')).allowed]).toEqual([true, false])
      expect((await ask('::ffff:10.20.0.1')).allowed).toBe(true)
      expect(await typeRefused(a, 'why --peer b --kind NodeModule --from 10.20.0')).toMatchObject({
        reason: 'USAGE',
        exit: 2,
      })
      await typeJson(a, ['grant', 'update', issued.grant.id, '--cidr', '*'])
    })

    test('is renewed within what the platform allows', async () => {
      const { grant } = await typeJson<Issued>(a, `grant renew ${issued.grant.id} --ttl 8d`)
      expect(Date.parse(grant.expires_at)).toBeGreaterThan(Date.parse(issued.grant.expires_at))
      expect(await typeRefused(a, `grant renew ${issued.grant.id} --ttl 1s`)).toMatchObject({
        reason: 'GRANT_TTL_OUT_OF_RANGE',
        exit: 2,
      })
    })

    test('is not named by its bearer', async () => {
      const refused = await typeRefused(a, ['grant', 'revoke', issued.bearer])
      expect(refused).toMatchObject({ reason: 'USAGE', exit: 2 })
      expect(JSON.stringify(refused)).not.toContain(issued.bearer.split('.')[1])
    })

    test('ends with its revocation: the very next call is refused, and each side says of it what it knows', async () => {
      const { id } = issued.grant
      expect(await typeJson(a, `grant revoke ${id} --dry-run`)).toMatchObject({ dry_run: true, revoked: 1 })
      await typeJson(b, LIST, { input: issued.bearer })
      const revoked = await typeJson<Enforced>(a, `grant revoke ${id} --reason over`)
      expect(revoked.enforcement).toMatchObject({ by: expect.stringMatching(/acknowledged|lease/) })
      const { metadata } = await typeRefused(b, LIST, { input: issued.bearer })
      expect(metadata['peer_reason']).toBe('GRANT_INVALID')
      const here = await type(b, `why ${metadata['decision_id']}`)
      expect(here.out).toMatch(/refused by them[\s\S]*cannot be told apart/)
      expect(here.out).toContain(`fedctl why ${metadata['remote_decision_id']}`)
      const there = await type(a, `why ${metadata['remote_decision_id']}`)
      expect(there.out).toMatch(/because +the grant had been revoked[\s\S]*over/)
      expect((await type(a, `why ${metadata['decision_id']}`)).exit).toBe(2) // it is B's
    })

    test('is delivered over the border, and used without anybody having seen its bearer', async () => {
      const delivered = await type(a, 'grant create b --kind NodeModule --id dns --scope read --deliver --wait 80s')
      expect(delivered.exit, delivered.out + delivered.err).toBe(0)
      expect(delivered.out).toContain('delivered')
      const { grants } = await typeJson<{ grants: { resource_id: string; status: string }[] }>(b, 'grant received')
      expect(grants.filter(({ status }) => status === 'active')).toMatchObject([{ resource_id: 'dns' }])
      const { resource } = await typeJson<{ resource: { id: string } }>(b, 'resource show NodeModule dns --peer a')
      expect(resource.id).toBe('dns')
    })

    test('many end together, counted first', async () => {
      await typeJson(a, 'grant create b --kind Node --scope read')
      const would = await typeJson<{ revoked: number }>(a, 'grant revoke --peer b --dry-run')
      expect(would.revoked).toBeGreaterThanOrEqual(2)
      expect(await typeJson(a, 'grant revoke --peer b')).toMatchObject({ revoked: would.revoked })
      expect(await typeJson(a, 'grant list --peer b --status active')).toEqual({ grants: [] })
      expect(await typeRefused(a, 'grant revoke')).toMatchObject({ reason: 'USAGE', exit: 2 })
    })

    test('wrong input is answered with what is wrong', async () => {
      expect(await typeRefused(a, 'grant create nobody --kind NodeModule --scope read')).toMatchObject({
        reason: 'PEER_NOT_FOUND',
        exit: 2,
      })
      expect(await typeRefused(a, 'grant create b --kind Node/Module --scope read')).toMatchObject({ exit: 2 })
      expect(await typeRefused(a, 'grant show 0190b2a0-0000-7000-8000-000000000000')).toMatchObject({
        reason: 'GRANT_NOT_FOUND',
        exit: 2,
      })
      expect(await typeRefused(a, 'grant settings --set strict_axes=maybe')).toMatchObject({ reason: 'USAGE', exit: 2 })
      expect(await typeRefused(a, 'grant settings --set colour=blue')).toMatchObject({ reason: 'USAGE', exit: 2 })
      expect(await typeRefused(a, 'why yesterday')).toMatchObject({ reason: 'USAGE', exit: 2 })
      expect(await typeRefused(a, 'why 0190b2a0-0000-7000-8000-000000000000')).toMatchObject({
        reason: 'DECISION_NOT_FOUND',
        exit: 2,
      })
    })
  })

  test('a watch shows what there is, then what changes, and ends with the grant', async () => {
    const { grant, bearer } = await typeJson<Issued>(a, 'grant create b --kind NodeModule --scope read --subject watch')
    const watch = ['resource', 'watch', '--peer', 'a', '--kind', 'NodeModule', '--grant', '-', '-o', 'json']
    const { out } = await type(b, [...watch, '--limit', '3'], { input: bearer })
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { resource?: { id: string } })
    expect(lines.flatMap(({ resource }) => resource?.id ?? []).toSorted()).toEqual(['dns', 'ntp'])
    expect(lines.at(-1)).toEqual({ snapshot_decision_id: ID })

    const before = await decisionsAbout(a, 'WatchResources')
    const watching = type(b, watch, { input: bearer })
    await until(async () => (await decisionsAbout(a, 'WatchResources')) > before)
    await typeJson(a, `grant revoke ${grant.id}`)
    const ended = await watching
    expect([ended.exit, ended.out]).toEqual([5, expect.stringContaining('GRANT_INVALID')])
  })

  test('settings are shown, tried and set', async () => {
    type Settings = { settings: Record<'longest_ttl' | 'default_ttl' | 'managed_child_ttl', string> }
    const before = await typeJson<Settings>(a, 'grant settings')
    const shorter = ['default_ttl=10d', 'managed_child_ttl=15d', 'longest_ttl=20d'].flatMap((set) => ['--set', set])
    await typeJson(a, ['grant', 'settings', ...shorter, '--dry-run'])
    expect(await typeJson(a, 'grant settings')).toEqual(before)
    await typeJson(a, ['grant', 'settings', ...shorter])
    expect(await typeRefused(a, 'grant create b --kind Node --scope read --ttl 21d')).toMatchObject({
      reason: 'GRANT_TTL_OUT_OF_RANGE',
    })
    const { longest_ttl, default_ttl, managed_child_ttl } = before.settings
    const again = Object.entries({ longest_ttl, default_ttl, managed_child_ttl })
    await typeJson(a, ['grant', 'settings', ...again.flatMap(([name, value]) => ['--set', `${name}=${value}`])])
  })

  test('a bridge is proposed, activated, suspended, resumed and ended', async () => {
    type Bridge = { bridge: { id: string; state: string } }
    const { bridge } = await typeJson<Bridge>(a, 'bridge propose b net-1')
    const move = async (verb: string) => (await typeJson<Bridge>(a, `bridge ${verb} ${bridge.id}`)).bridge.state
    expect([await move('activate'), await move('suspend'), await move('resume')]).toEqual([
      'active',
      'suspended',
      'active',
    ])
    expect(await typeRefused(a, 'bridge propose b net-1')).toMatchObject({ reason: 'BRIDGE_EXISTS', exit: 4 })
    expect(await move('revoke')).toBe('revoked')
    expect(await typeRefused(a, `bridge activate ${bridge.id}`)).toMatchObject({ reason: 'MOVE_NOT_ALLOWED', exit: 4 })
    expect((await type(a, 'bridge list --peer b')).out).toContain('revoked')
  })

  test('a capability is set, listed and taken away', async () => {
    await typeJson(a, 'capability set b NodeModule --direction bidirectional --policy auto_on_change')
    expect((await type(a, 'capability list --peer b')).out).toMatch(/NodeModule +bidirectional +auto_on_change/)
    await typeJson(a, 'capability set b NodeModule --direction bidirectional --remove')
    expect((await type(a, 'capability list --peer b')).out).not.toContain('auto_on_change')
  })

  describe('where data may go', () => {
    let bearer = ''
    beforeAll(async () => {
      bearer = (await typeJson<Issued>(a, 'grant create b --kind NodeModule --scope read')).bearer
    })

    test('a tag is known, or refused', async () => {
      expect(await typeRefused(a, 'residency set b eu-wset-1')).toMatchObject({ reason: 'REGION_UNKNOWN', exit: 2 })
      expect(await typeRefused(a, 'residency set b')).toMatchObject({ reason: 'USAGE', exit: 2 })
      expect(await typeRefused(a, 'residency set b eu --clear')).toMatchObject({ reason: 'USAGE', exit: 2 })
    })

    test('data leaves for where the tag holds it, and for nowhere else', async () => {
      await typeJson(a, 'residency set b eu')
      await typeJson(b, LIST, { input: bearer })
      const set = await typeJson<Enforced>(a, 'residency set b us --reason moved')
      expect(set.enforcement).not.toBeNull()
      const { metadata, exit } = await typeRefused(b, LIST, { input: bearer })
      expect([metadata['peer_reason'], exit]).toEqual(['RESIDENCY_VIOLATION', 5])
      const { out } = await type(a, `why ${metadata['remote_decision_id']}`)
      expect(out).toMatch(/would go to "eu-west-1"[\s\S]*stays in us: set by operator\/admin \(moved\)/)
    })

    test('one call is allowed once', async () => {
      const { override } = await typeJson<{ override: { id: string } }>(a, [
        'residency',
        'override',
        'create',
        'b',
        '--kind',
        'NodeModule',
        '--reason',
        'audit',
      ])
      await typeJson(b, LIST, { input: bearer })
      expect(await typeRefused(b, LIST, { input: bearer })).toMatchObject({ exit: 5 })
      const { overrides } = await typeJson<{ overrides: { id: string; status: string }[] }>(
        a,
        'residency override list --peer b',
      )
      expect(overrides.find(({ id }) => id === override.id)).toMatchObject({ status: 'used', decision_id: ID })
      expect(await typeRefused(a, 'residency override create b --kind NodeModule')).toMatchObject({
        reason: 'USAGE',
        exit: 2,
      })
    })

    test('what-if counts the calls a rule would have refused', async () => {
      await typeJson(a, 'residency set b --clear')
      const tried = await typeJson<{ looked_at: number; would_be_refused: number }>(
        a,
        'residency what-if --peer b --tag us',
      )
      expect(tried.would_be_refused).toBeGreaterThan(0)
      expect(tried.looked_at).toBeGreaterThanOrEqual(tried.would_be_refused)
      expect(await typeRefused(a, 'residency what-if --peer b')).toMatchObject({ reason: 'USAGE', exit: 2 })
    })

    test('rules and regions are added, shown and taken away', async () => {
      await typeJson(a, 'residency region set eu-island-1 --in eu')
      const { rule } = await typeJson<{ rule: { id: string } }>(
        a,
        'residency rules add --class personal --allow eu-island-1',
      )
      expect((await type(a, 'residency rules')).out).toMatch(/personal +eu-island-1[\s\S]*eu-island-1/)
      expect(await typeRefused(a, 'residency region remove eu-island-1')).toMatchObject({
        reason: 'REGION_IN_USE',
        exit: 4,
      })
      await typeJson(a, `residency rules remove ${rule.id}`)
      await typeJson(a, 'residency region remove eu-island-1')
      expect((await type(a, 'residency rules')).out).not.toContain('eu-island-1')
    })
  })

  describe('our own people', () => {
    test('I am told who I am and what I may', async () => {
      expect((await type(a, 'operator whoami')).out).toMatch(/operator\/admin[\s\S]*system\.operators\.manage/)
    })

    test('an operator is made known, changed, paused and taken out', async () => {
      expect(await typeRefused(a, 'operator set bot')).toMatchObject({ reason: 'USAGE', exit: 2 })
      await typeJson(a, 'operator set bot --kind agent --role agent')
      await typeJson(a, 'operator set bot --pause --note noisy')
      expect((await type(a, 'operator show bot')).out).toMatch(/paused[\s\S]*noisy/)
      await typeJson(a, 'operator set bot --resume')
      expect(await typeJson(a, 'operator show bot')).toMatchObject({
        operator: { paused: false, roles: ['agent'], note: 'noisy' },
      })
      expect(await typeRefused(a, 'operator set bot --role emperor')).toMatchObject({ reason: 'ROLE_UNKNOWN', exit: 2 })
      await typeJson(a, 'operator remove bot')
      expect(await typeRefused(a, 'operator show bot')).toMatchObject({ reason: 'OPERATOR_UNKNOWN', exit: 2 })
      expect(await typeRefused(a, 'operator remove admin')).toMatchObject({ reason: 'OPERATOR_LAST_ADMIN', exit: 4 })
    })

    test('a role of our own, and one that comes with the platform', async () => {
      await typeJson(a, 'operator role set clerk --permission system.federation.read')
      expect((await type(a, 'operator roles')).out).toMatch(/clerk +us +system\.federation\.read/)
      await typeJson(a, 'operator role remove clerk')
      expect((await typeRefused(a, 'operator role remove admin')).exit).not.toBe(0)
    })

    test('a token is bound to the certificate, and shown once', async () => {
      const { token } = await typeJson<{ token: string }>(a, 'operator token admin --ttl 5m')
      const [, payload = ''] = token.split('.')
      expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
        cnf: { 'x5t#S256': expect.any(String) },
      })
    })
  })

  describe('what has to be approved', () => {
    test('with two approvers an act waits, with exit code 3, and the first cannot be the second', async () => {
      await typeJson(a, 'policy set sdwan.federation_peer_revoke require_approval --approvers 2')
      const queued = await typeRefused(a, 'peer revoke b --reason test')
      expect(queued).toMatchObject({ reason: 'APPROVAL_REQUIRED', exit: 3, metadata: { approval_id: ID } })
      const id = queued.metadata['approval_id'] ?? ''
      expect((await type(a, 'peer revoke b --reason test')).err).toMatch(/^queued /)
      const shown = await type(a, `approval show ${id}`)
      expect(shown.out).toMatch(/pending[\s\S]*votes +1 of 2[\s\S]*RevokePeerRequest/)
      expect(await typeRefused(a, `approval approve ${id}`)).toMatchObject({ reason: 'APPROVAL_OWN_REQUEST', exit: 4 })
      const status = await type(a, 'approval status')
      expect([status.exit, status.out]).toEqual([3, expect.stringContaining(id)])
      expect((await type(a, 'status')).out).toContain('Waiting for approval')
      await typeJson(a, `approval reject ${id} --reason no`)
      expect((await type(a, 'approval list --state rejected')).out).toContain(id)
      await typeJson(a, 'policy set sdwan.federation_peer_revoke require_approval --approvers 1')
    })

    test('a blocked act is blocked for everybody, and a rehearsal of it is not', async () => {
      await typeJson(a, 'policy set sdwan.federation_peer_revoke blocked')
      expect(await typeRefused(a, 'peer revoke b')).toMatchObject({ reason: 'ACTION_BLOCKED', exit: 4 })
      expect(await typeJson(a, 'peer revoke b --dry-run')).toMatchObject({ dry_run: true })
      await typeJson(a, 'policy set sdwan.federation_peer_revoke require_approval')
      expect(await typeRefused(a, 'policy set tea.brew blocked')).toMatchObject({ reason: 'ACTION_UNKNOWN', exit: 2 })
    })

    test('what acts by itself is halted and let go on', async () => {
      expect((await type(a, ['approval', 'halt'])).exit).toBe(2)
      await typeJson(a, ['approval', 'halt', '--reason', 'odd traffic'])
      expect((await type(a, 'status')).out).toMatch(/halted.*odd traffic/)
      await typeJson(a, 'approval resume')
      expect((await type(a, 'approval status')).out).toMatch(/^going/)
    })
  })

  test('peer show tells of grants both ways, bridges and where data stays', async () => {
    await typeJson(a, 'residency set b eu')
    const { out } = await type(a, 'peer show b')
    expect(out).toMatch(/data stays in +eu \(enforce\)[\s\S]*Grants we gave/)
    expect(await typeJson(b, 'peer show a')).toMatchObject({ grants_received: expect.any(Array), bridges: [] })
  })
})
