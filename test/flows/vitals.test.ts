import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ServiceName } from '@powernode/dev/services'
import { VitalsService, type GetVitalsResponse } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { eventually } from '../eventually.ts'
import { invite, TestPlatform } from '../mesh.ts'
import { diagnosed, diagnosis, inDatabase, said } from './runbook.ts'

/**
 * Who looks after a platform asks every process how it is, and hears it also when what the process leans on is gone: with the
 * permissions that each has in production, at the bus and in its schema.
 */
const SERVICES = [
  'peer-registry', 'grant-authz', 'audit-ledger', 'liveness', 'spawn-provisioner', 'sdwan-compiler', 'federation-gateway',
] as const satisfies readonly ServiceName[] // prettier-ignore
const KEEPERS = SERVICES.filter((name) => name !== 'federation-gateway')

let a: TestPlatform
beforeAll(async () => {
  a = await TestPlatform.start('a')
})
afterAll(() => a?.stop())

function vitalsOf(name: ServiceName, as?: ServiceName): Promise<GetVitalsResponse> {
  return createClient(VitalsService, a.transport(name, as)).getVitals({})
}

test.each(SERVICES)('%s says that it is well, and how', async (name) => {
  const vitals = await eventually(
    () => vitalsOf(name),
    ({ bus, consumers }) => (bus?.detail ?? '') === '' && consumers.every(({ detail }) => detail === ''),
  )
  expect(vitals.service).toBe(name)
  expect(vitals.certificate).toMatchObject({ spiffeId: `spiffe://a.example/service/${name}`, renewalError: '' })
  expect(vitals.disks.length).toBeGreaterThan(0)
  if (name === 'federation-gateway') return
  expect(vitals.database).toMatchObject({ reachable: true, detail: '' })
  expect(vitals.database?.schemaVersion).toBe(vitals.database?.expectedSchemaVersion)
  expect(vitals.outbox).toBeDefined()
  expect(vitals.bus?.connected).toBe(true)
})

test('liveness may ask each of them, and no other service may', async () => {
  expect((await vitalsOf('grant-authz', 'liveness')).service).toBe('grant-authz')
  await expectRefusal(vitalsOf('grant-authz', 'peer-registry'), 'CALLER_NOT_ALLOWED')
})

test('while NATS is away each of them says so, and that it reaches its database', async () => {
  await a.platform.parts.nats.pause()
  try {
    for (const name of KEEPERS) {
      const vitals = await eventually(
        () => vitalsOf(name),
        ({ bus }) => bus?.connected === false,
      )
      expect(vitals.database?.reachable).toBe(true)
      expect(vitals.bus?.detail).not.toBe('')
    }
    const { verdict, exit } = await diagnosed(a, '', 'bus_down')
    expect(verdict).toMatchObject({ side: 'us', command: 'systemctl status powernode-nats' })
    expect(exit).toBe(1)

    // What is announced meanwhile waits, and is missed by others the longer it does.
    await invite(a)
    const waiting = (ago: string) =>
      inDatabase(a, `update peer_registry.outbox set queued_at = now() - $1::interval where published_at is null`, [
        ago,
      ])
    await waiting('2 minutes')
    expect(said(await diagnosis(a), 'events.outbox')).toMatchObject({ symptom: 'outbox_lag', side: 'us' })
    await waiting('20 minutes')
    expect(said(await diagnosis(a), 'events.outbox')).toMatchObject({ symptom: 'events_stuck', side: 'us' })
  } finally {
    await a.platform.parts.nats.resume()
  }
  for (const name of KEEPERS)
    await eventually(
      () => vitalsOf(name),
      ({ bus }) => bus?.connected === true,
    )
})

test('while Postgres is away each of them says so, within seconds', async () => {
  await a.platform.parts.postgres.pause()
  try {
    const all = await Promise.all(
      SERVICES.map((name) =>
        eventually(
          () => vitalsOf(name, 'liveness'),
          ({ database }) => name === 'federation-gateway' || database?.reachable === false,
        ),
      ),
    )
    for (const { database } of all) if (database) expect(database.detail).not.toBe('')
    expect((await diagnosed(a, '', 'database_down')).verdict).toMatchObject({ side: 'us', command: 'pg_isready' })
  } finally {
    await a.platform.parts.postgres.resume()
  }
  for (const name of KEEPERS)
    await eventually(
      () => vitalsOf(name),
      ({ database }) => database?.reachable === true,
    )
})
