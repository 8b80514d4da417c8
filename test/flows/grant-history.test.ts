import type { Client } from '@connectrpc/connect'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { createClient } from '@powernode/rpc'
import { identityDir } from '@powernode/dev/layout'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { allowedAfterRevoked, checkHistory } from '../history/check-history.ts'
import { History } from '../history/history.ts'
import { federate, PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'
import { PeerAtDoor } from '../peer-at-door.ts'
import { startReplica, type Replica } from '../replicas.ts'
import { openRoad, type Road } from '../road.ts'

/**
 * Grants are issued, used and revoked at several gateways and two replicas of grant-authz, while gateways are cut off from
 * them, made deaf, slowed down and restarted. What everybody was told is written down; it has to be what one grant would
 * say that lies in one place.
 */
const KIND = 'NodeModule'
const GATEWAYS = 3
const GRANTS = 9

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let onA: string
const replicas: Replica[] = []
const roads: Road[] = []
const doors: PeerAtDoor[] = []
const grantors: Client<typeof GrantAuthzService>[] = []
const stop = new AbortController()

beforeAll(async () => {
  mesh = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } })
  ;({ a, b } = mesh)
  ;({ onA } = await federate(a, b))
  const second = await startReplica(a, 'grant-authz')
  replicas.push(second)
  const logger = createLogger('test', { level: 'silent' })
  const way = { server: 'grant-authz', trustDomain: a.platform.trustDomain, tlsDir: identityDir(a.platform, 'admin') }
  const address = { host: '127.0.0.1', port: second.port }
  grantors.push(a.grants, createClient(GrantAuthzService, { ...way, address, clock: systemClock, logger }, stop.signal))
  for (let index = 0; index < GATEWAYS; index++) {
    // Each hears the policy from another replica, over a road of its own.
    const port = index % 2 === 0 ? a.platform.ports['grant-authz'] : second.port
    const road = await openRoad(() => port)
    roads.push(road)
    const env = { GRANT_AUTHZ_ADDRESS: new URL(road.url).host }
    const gateway = await startReplica(a, 'federation-gateway', { env })
    replicas.push(gateway)
    doors.push(new PeerAtDoor(b, gateway.doorPort))
  }
  await eventually(() => Promise.all(doors.map((door) => door.check(NOBODYS, KIND))), (said) => said.every((word) => word === 'denied')) // prettier-ignore
})
afterAll(async () => {
  stop.abort()
  for (const door of doors) door.close()
  for (const road of roads) road.close()
  await Promise.all(replicas.map((replica) => replica.stop()))
  await mesh?.stop()
})

const NOBODYS = `fg-019f0000-0000-7000-8000-000000000000.${'A'.repeat(43)}`

test('nobody is let in after a revocation returned, whatever happens to the gateways meanwhile', async () => {
  const history = new History()
  const over = new AbortController()
  const misfortunes = misfortune(over.signal)
  try {
    await Promise.all(Array.from({ length: 3 }, (_, lane) => lifeOfGrants(history, lane)))
  } finally {
    over.abort()
    await misfortunes
  }
  const verdict = checkHistory(history.lines)
  expect(allowedAfterRevoked(history.lines)).toBe(0)
  expect(verdict, verdict.ok ? '' : verdict.problem).toMatchObject({ ok: true, grants: GRANTS })
  const answers = history.lines.flatMap((line) => ('answer' in line ? [line.answer] : []))
  for (const answer of ['allowed', 'denied', 'undecided'] as const) expect(answers).toContain(answer)
})

/** One grant after another: issued, used from all sides, revoked while it is being used, and tried again. */
async function lifeOfGrants(history: History, lane: number): Promise<void> {
  for (let number = 0; number < GRANTS / 3; number++) {
    const grantor = grantors[(lane + number) % grantors.length] as Client<typeof GrantAuthzService>
    const name = `${lane}-${number}`
    let bearer = ''
    let grantId = ''
    await history.record({ grant: name, does: 'issue' }, async () => {
      const said = { peerId: onA, remoteSubject: name, resourceKind: KIND, scopes: ['read'] }
      const issued = await grantor.createGrant(said)
      bearer = issued.bearer
      grantId = issued.grant?.id ?? ''
      return 'done'
    })
    const checks = (times: number) =>
      Promise.all(
        doors.map(async (door, at) => {
          for (let time = 0; time < times; time++)
            await history.record({ grant: name, does: 'check', by: `gateway-${at}` }, () => door.check(bearer, KIND))
        }),
      )
    await checks(10)
    const meanwhile = checks(40)
    await history.record({ grant: name, does: 'revoke' }, async () => {
      await grantor.revokeGrant({ grantId, reason: 'over' })
      return 'done'
    })
    await meanwhile
    await checks(10)
  }
}

/** Something bad happens to one gateway after another, and passes. */
async function misfortune(over: AbortSignal): Promise<void> {
  const gateways = replicas.slice(1)
  for (let turn = 0; !over.aborted; turn++) {
    const at = turn % GATEWAYS
    const [road, gateway] = [roads[at] as Road, gateways[at] as Replica]
    const kind = turn % 4
    if (kind === 0) road.weather = 'cut'
    if (kind === 1) road.weather = 'deaf'
    if (kind === 2) road.delayMs = 700
    if (kind === 3) await gateway.stop()
    await systemClock.sleep(400, over)
    if (kind === 3) await gateway.start()
    road.delayMs = 0
    if (road.weather === 'deaf') road.weather = 'cut' // what was swallowed is not to come back in the middle of a stream
    road.weather = 'fair'
    await systemClock.sleep(300, over)
  }
}
