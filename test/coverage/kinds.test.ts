import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { append, OUTBOX_SQL, STREAMS } from '@powernode/events'
import { inTransaction, type Tx } from '@powernode/postgres'
import { testDatabase } from '@powernode/postgres/testing'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import type { Happening } from '../../services/audit-ledger/src/happening.ts'
import { toHappening } from '../../services/audit-ledger/src/subscriptions.ts'
import { ANNOUNCED, AT, PEER } from './announcements.ts'
import { production, sources } from './sources.ts'

/** Everything that any service can announce, as the feed shows it. */
let shown: readonly Happening[]

beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-test-kinds-'))
  const grants = 'grant select, insert on outbox to kinds_test;'
  writeFileSync(join(dir, '0001_outbox.sql'), `-- breaking: no\n${OUTBOX_SQL}\n${grants}\n`)
  const database = await testDatabase<never>({ schema: 'kinds_test', dir })
  const rows = await inTransaction(database.db, async (tx: Tx<never>) => {
    for (const make of Object.values(ANNOUNCED).flatMap((module) => Object.values(module))) {
      const made = await make(tx as never)
      for (const one of Array.isArray(made) ? made : isNews(made) ? [made] : []) await append(tx, one)
    }
    return (await sql<{ event: Uint8Array }>`select event from outbox order by position`.execute(tx)).rows
  })
  shown = rows.map(({ event }) => toHappening(fromBinary(EventSchema, event), AT))
  await database.drop()
  rmSync(dir, { recursive: true })
})

const isNews = (made: unknown): made is Parameters<typeof append>[1] =>
  typeof made === 'object' && made !== null && 'noun' in made

/** The table of docs/events.md: kind, severities, service. */
function documented(): string[] {
  const text = sources('docs/events.md')[0]?.text ?? ''
  const rows = Array.from(text.matchAll(/^\| `((?:federation|system)\.[a-z_.]+)` +\| ([a-z, ]+?) +\| ([a-z-]+) +\|/gm))
  return rows.map(([, kind, severities, source]) => `${kind} ${severities} ${source}`)
}

function announced(): string[] {
  const order = ['low', 'medium', 'high', 'critical']
  return [...Map.groupBy(shown, ({ kind }) => kind)].map(([kind, all]) => {
    const severities = [...new Set(all.map(({ severity }) => severity))].toSorted((a, b) => order.indexOf(a) - order.indexOf(b)) // prettier-ignore
    return `${kind} ${severities.join(', ')} ${[...new Set(all.map(({ source }) => source))].join()}`
  })
}

test('every kind that is announced stands in docs/events.md, with its severities and who announces it, and no other', () => {
  expect(announced().toSorted()).toEqual(documented().toSorted())
})

test('kinds are words in small letters with underscores, under federation; but for the signal, which the documents name', () => {
  for (const { kind } of shown)
    if (kind !== 'system.federation_peer_liveness') expect(kind).toMatch(/^federation(\.[a-z]+(_[a-z]+)*){2}$/)
})

test('the kinds of the source documents are said to the letter', () => {
  const said = new Map(shown.map(({ kind, severity }) => [kind, severity]))
  const OF_THE_DOCUMENTS = {
    'federation.peer.accepted': 'low',
    'federation.peer.enrolled': 'low',
    'federation.peer.active': 'low',
    'federation.peer.degraded': 'medium',
    'federation.peer.suspended': 'medium',
    'federation.peer.revoked': 'high',
    'federation.peer.heartbeat': 'low',
    'federation.peer.heartbeat_stale': 'medium',
    'federation.peer.rehandshaked': 'medium',
    'federation.peer.unreachable': 'high',
    'federation.peer.data_residency_changed': 'medium',
    'federation.grant.archived': 'low',
    'federation.review.cert_rotation_candidates': 'medium',
    'federation.review.grants_approaching_expiry': 'medium',
    'federation.review.grants_overdue_for_review': 'low',
    'federation.review.broad_scope_grants': 'medium',
    'federation.review.capability_drift': 'medium',
  }
  for (const [kind, severity] of Object.entries(OF_THE_DOCUMENTS))
    expect([kind, said.get(kind)]).toEqual([kind, severity])
})

test('what concerns a peer says so in its payload, and nothing that names a peer is without it', () => {
  for (const { kind, peerId, payload } of shown) {
    expect(payload['federation_peer_id'], kind).toBe(peerId === '' ? undefined : PEER)
    if (JSON.stringify(payload).includes(PEER)) expect(peerId, kind).toBe(PEER)
  }
  expect(shown.filter(({ peerId }) => peerId !== '').length).toBeGreaterThan(50)
})

test('the fields that the source documents name stand at the top of the payload', () => {
  const payloadOf = (kind: string) => shown.find((one) => one.kind === kind)?.payload
  expect(payloadOf('federation.peer.accepted')).toMatchObject({
    federation_peer_id: PEER,
    peer_kind: 'platform',
    status: 'accepted',
    previous_status: 'accepted',
    spawn_role: 'symmetric',
    spawn_mode: 'autonomous_peer',
    contract_version: 1,
    reason: 'why',
  })
  expect(payloadOf('federation.peer.proposed')).not.toHaveProperty('previous_status')
  expect(payloadOf('federation.peer.heartbeat_stale')).toMatchObject({ last_heartbeat_at: AT.toISOString() })
  expect(payloadOf('federation.peer.unreachable')).toMatchObject({
    peer_status: 'active',
    detail: 'no endpoint answers',
  })
  expect(payloadOf('federation.peer.cert_rotation_required')).toMatchObject({
    cert_reason: 'cert_expiring',
    certificate_id: 'leaf 07',
  })
  expect(payloadOf('federation.peer.data_residency_changed')).toMatchObject({ declared_by: 'operator' })
  expect(payloadOf('federation.grant.archived')).toMatchObject({
    remote_subject: 'x',
    resource_kind: 'NodeInstance',
    revoked_at: AT.toISOString(),
    revocation_reason: 'over',
  })
})

test('every file in which a service makes news is looked at, and every service with a stream makes some', () => {
  const making = production('services/*/src/**/*.ts').flatMap(({ path, text }) => {
    const [, place = ''] = /^services\/(.*)$/.exec(path.replace('/src/', '/')) ?? []
    return /\bnoun: '/.test(text) ? [place] : []
  })
  expect(making.toSorted()).toEqual(Object.keys(ANNOUNCED).toSorted())
  expect([...new Set(shown.map(({ source }) => source))].toSorted()).toEqual(Object.values(STREAMS).map(({ source }) => source).toSorted()) // prettier-ignore
})
