import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { identityDir } from '@powernode/dev/layout'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { TestPlatform } from '../mesh.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'
import { diagnosed, diagnosis, inDatabase, said } from './runbook.ts'

type Issued = { readonly grant: { readonly id: string }; readonly bearer: string }

let a: TestPlatform
let b: TestPlatform
/** B, as A names it; and A, as B does. */
let onA: string
beforeAll(async () => {
  // Patient, since this is about calls.
  const registry = { HEARTBEAT_INTERVAL: '5s', STALE_AFTER: '60m' }
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry }),
    TestPlatform.start('b', { registry: { ...registry, DATA_RESIDENCY: 'us-east-1' } }),
  ])
  await becomePeers(a, b)
  onA = (await typeJson<{ id: string }>(a, 'peer show b')).id
  await typeJson(a, 'resource put NodeModule ntp --set name=ntp')
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

/** B may hold one live grant of a kind: the one before makes room. */
async function grant(limits: string): Promise<Issued> {
  const held = await a.grants.listGrants({ peerId: onA, resourceKind: 'NodeModule', statuses: ['active'] })
  for (const { id } of held.grants) await a.grants.revokeGrant({ grantId: id, reason: 'room for the next' })
  return typeJson<Issued>(a, `grant create b --kind NodeModule ${limits}`)
}
const SHOW = 'resource show NodeModule ntp --peer a --grant -'
const UPDATE = 'resource update NodeModule ntp --peer a --grant - --set version=2 --dry-run'

/** What is refused for what it is, and not because a busy machine has not heard its own registry for a second. */
const refused = (words: string, input: string) =>
  eventually(
    () => typeRefused(b, words, { input }),
    ({ reason, metadata }) => ![reason, metadata['peer_reason']].includes('POLICY_STALE'),
    90_000,
  )
const show = (bearer: string, more = '') => refused(`${SHOW}${more}`, bearer)
const shown = (input: string) =>
  eventually(
    () => typeJson(b, SHOW, { input }),
    () => true,
    90_000,
  )

/** The side that owns the data is told what to change; the other, that it is the other's to change. */
async function expectNamed(symptom: string, section: 'grants' | 'residency', command: string | RegExp): Promise<void> {
  const here = await untilSaid(a, 'b', `${section}.calls_in`, symptom)
  expect(here).toMatchObject({ side: 'us', status: 'warning', command: expect.stringMatching(command) })
  expect(await untilSaid(b, 'a', `${section}.calls_out`, symptom)).toMatchObject({ side: 'them' })
}

/** A decision is on record a moment after it was taken. */
async function untilSaid(of: TestPlatform, peer: string, name: string, symptom: string) {
  const check = async () =>
    (await diagnosis(of, peer)).checks.find((one) => one.name === name && one.symptom === symptom)
  return eventually(check, (found) => found !== undefined)
}

describe('"403 scope mismatch"', () => {
  test('because the caller is at another address than the grant is for', async () => {
    const { grant: made, bearer } = await grant('--scope read --cidr 203.0.113.0/24')
    expect((await show(bearer)).metadata).toMatchObject({ peer_reason: 'SCOPE_MISMATCH' })
    await expectNamed('scope_mismatch', 'grants', `^fedctl grant update ${made.id}`)
  })

  test('because it is for other nodes', async () => {
    const { bearer } = await grant(`--scope read --node ${randomUUID()}`)
    await show(bearer, ` --node ${randomUUID()}`)
    await expectNamed('scope_mismatch', 'grants', /^fedctl grant update/)
    // The symptom may still be that of the call before: a decision is on record a moment after it was taken.
    const named = async () => (await diagnosis(a, 'b')).checks.some(({ summary }) => summary.includes('(instance)'))
    await eventually(named, Boolean)
  })

  test('because reading is allowed, and writing was tried', async () => {
    const { bearer } = await grant('--scope read')
    await refused(UPDATE, bearer)
    await expectNamed('permission_insufficient', 'grants', /^fedctl grant update/)
  })

  test('because the grant was revoked', async () => {
    const { grant: made, bearer } = await grant('--scope read')
    await typeJson(a, `grant revoke ${made.id} --reason over`)
    await show(bearer)
    const here = await untilSaid(a, 'b', 'grants.calls_in', 'grant_revoked')
    // As it was decided: nobody's trouble here, and still named for whoever asks why.
    expect(here).toMatchObject({
      status: 'ok',
      side: 'nobody',
      summary: expect.stringMatching(/as was decided.*: over/),
    })
    expect(await untilSaid(b, 'a', 'grants.calls_out', 'grant_not_recognised')).toMatchObject({ status: 'warning' })
  })

  test('because the grant has run out; the other side is told no more than that it is no good', async () => {
    const { grant: made, bearer } = await grant('--scope read')
    const past = `issued_at = issued_at - interval '400 days', expires_at = date_trunc('second', now())`
    await inDatabase(a, `update grant_authz.federation_grant set ${past} where id = $1`, [made.id])
    await a.restart('federation-gateway', {}) // it reads the grants anew
    expect((await show(bearer)).metadata).toMatchObject({ peer_reason: 'GRANT_INVALID' })
    const here = await untilSaid(a, 'b', 'grants.calls_in', 'grant_expired')
    expect(here).toMatchObject({ side: 'us', command: `fedctl grant renew ${made.id}` })
    expect(await untilSaid(b, 'a', 'grants.calls_out', 'grant_not_recognised')).toMatchObject({ side: 'them' })
  })
})

test('"401 with certificate and bearer": the bearer is nobody’s', async () => {
  await show(`fg-${randomUUID()}.${'x'.repeat(43)}`)
  expect(await untilSaid(a, 'b', 'grants.calls_in', 'grant_not_recognised')).toMatchObject({ side: 'us' })
})

test('what was refused and is allowed by now is nobody’s trouble any more', async () => {
  const { bearer } = await grant('--scope read,write')
  await shown(bearer)
  await refused(UPDATE, bearer) // allowed by us; its owner lets nobody change it
  await diagnosed(a, 'b', 'healthy')
})

test('"data residency policy violation surfaced as 403"', async () => {
  const { bearer } = await grant('--scope read')
  await typeJson(a, 'residency set b eu --reason contract')
  expect((await show(bearer)).metadata).toMatchObject({ peer_reason: 'RESIDENCY_VIOLATION' })
  await expectNamed('residency_violation', 'residency', 'fedctl residency override create')
  await typeJson(a, 'residency override create b --kind NodeModule --id ntp --reason inspection')
  await shown(bearer)
  await typeJson(a, 'residency set b --clear --reason over')
  await diagnosed(a, 'b', 'healthy')
})

test('"the operator cannot see the child’s resources": the grant that the child makes is not there', async () => {
  const child = `spawn_mode = 'managed_child', spawn_role = 'parent'`
  const before = `spawn_mode = 'out_of_band', spawn_role = 'symmetric'`
  await inDatabase(a, `update peer_registry.peer set ${child} where id = $1`, [onA])
  const { verdict } = await diagnosed(a, 'b', 'child_grant_missing')
  expect(verdict).toMatchObject({ side: 'them', command: expect.stringContaining('fedctl grant create') })
  await typeJson(b, 'grant create a --kind managed_child_operator --scope read,write,admin --deliver')
  await diagnosed(a, 'b', 'healthy')
  await inDatabase(a, `update peer_registry.peer set ${before} where id = $1`, [onA])
})

test('"isolation returned partial": the run that was left half done is named, with what takes it back', async () => {
  expect(await typeRefused(a, 'net tenant isolate acme')).toMatchObject({ reason: 'OVN_DEPLOYMENT_MISSING' })
  const { run } = await typeJson<{ run: { id: string } }>(
    a,
    'net tenant isolate acme --nb tcp:127.0.0.1:6641 --sb tcp:127.0.0.1:6642',
  )
  await inDatabase(a, `update sdwan_compiler.run set state = 'partial' where id = $1`, [run.id])
  expect((await diagnosed(a, '', 'tenant_partial')).verdict).toMatchObject({ side: 'us' })
  await inDatabase(a, `update sdwan_compiler.run set state = 'done' where id = $1`, [run.id])
})

test('"pause what makes things worse": it is said that nothing acts by itself, until it does again', async () => {
  await typeJson(a, ['approval', 'halt', '--reason', 'an incident'])
  expect((await diagnosed(a, '', 'automation_halted')).verdict.command).toBe('fedctl approval resume')
  await typeJson(a, 'approval resume')
  await typeJson(a, ['remediation', 'pause', '--reason', 'an incident'])
  const { verdict, exit } = await diagnosed(a, '', 'remediation_paused')
  expect(verdict).toMatchObject({ side: 'us', command: 'fedctl remediation resume' })
  expect(exit, 'worth an eye, and nothing that does not work').toBe(3)
  await typeJson(a, ['remediation', 'resume', '--reason', 'it is over'])
  await diagnosed(a, '', 'healthy')
})

test('"partial mTLS config": half a key pair is named with what mends it, while the process goes on with the whole one', async () => {
  rmSync(join(identityDir(b.platform, 'liveness'), 'key.pem'))
  const { verdict, exit } = await diagnosed(b, '', 'identity_broken')
  expect(verdict).toMatchObject({ side: 'us', summary: expect.stringContaining('half a key pair') })
  expect(verdict.command).toMatch(/^fedctl cert issue liveness/)
  expect(exit).toBe(1)
  expect((await type(b, 'peer list')).exit, 'nothing falls back to plaintext, and nothing stops').toBe(0)
})

test('"the peer is revoked": both sides say that it has ended', async () => {
  const onB = (await typeJson<{ id: string }>(b, 'peer show a')).id
  await typeJson(a, ['peer', 'revoke', 'b', '--reason', 'the end'])
  await b.untilState(onB, PeerState.REVOKED)
  expect((await diagnosed(a, onA, 'peer_revoked')).verdict).toMatchObject({ side: 'nobody' })
  expect(said(await diagnosis(b, onB), 'peering.state')).toMatchObject({ symptom: 'peer_revoked' })
})
