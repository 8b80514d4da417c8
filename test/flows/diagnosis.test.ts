import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { Caller } from '@powernode/federation-gateway/testing'
import { readTlsFiles } from '@powernode/identity'
import type { DiagnoseResponse } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { createClient, refusalOf } from '@powernode/rpc'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { federate, PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'

/**
 * A peer may ask how we see it, and it chooses the addresses that we try for that. A hostile one advertises places in our own
 * network, asks, and compares: what it is told, and how soon, has to be the same whatever stands there.
 */
let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let onA: string
const servers: Server[] = []

beforeAll(async () => {
  mesh = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } })
  ;({ a, b } = mesh)
  ;({ onA } = await federate(a, b, { propose: { url: '' } }))
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
afterAll(() => mesh?.stop())

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

type Told = {
  /** What B is told at A's door. */
  readonly checks: readonly string[]
  readonly tookMs: number
}

/** B says that it lives at this port, by itself, and asks how A sees it, once A's own operators see there what is there: a machine that is busy is late for it. */
async function toldOfPort(port: number, whatIsThere = /./): Promise<Told> {
  const url = `https://127.0.0.1:${port}`
  await b.restart('peer-registry', { FEDERATION_ENDPOINTS: JSON.stringify([{ url, scope: 'wan', priority: 1 }]) })
  // As the service that asks for it: an operator may only so often.
  const roads = createClient(GatewayService, a.transport('federation-gateway', 'liveness'))
  await eventually(
    async () => {
      const { endpoints } = await roads.examineRoad({ peerId: onA })
      const at = endpoints.find((endpoint) => endpoint.url.startsWith(url))
      return at && [at.connectError, at.tlsError, at.theirChain[0]?.spiffeId].join(' ')
    },
    (said) => said !== undefined && whatIsThere.test(said),
  )
  const { checks, tookMs } = await asked()
  const about = checks.filter(({ section }) => ['names', 'tcp', 'chains', 'tls'].includes(section))
  return {
    tookMs,
    checks: about.map((check) =>
      JSON.stringify(check)
        .replaceAll(String(port), '<port>')
        .replaceAll(/ in \d+ m?s\b/g, ' in <time>'),
    ),
  }
}

/** Asks as soon as B may. How long the answer took is told of the question that was answered. */
async function asked(): Promise<DiagnoseResponse & { readonly tookMs: number }> {
  const caller = bAtTheDoor()
  try {
    for (;;) {
      const since = systemClock.elapsed()
      try {
        const answer = await caller.call(FederationService.method.diagnose, {})
        return { ...answer, tookMs: systemClock.elapsed() - since }
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal?.retryAfterMs === undefined) throw error
        await systemClock.sleep(refusal.retryAfterMs, AbortSignal.timeout(15_000))
      }
    }
  } finally {
    caller.close()
  }
}

function bAtTheDoor(): Caller {
  const { cert, key } = readTlsFiles(identityDir(b.platform, 'federation-gateway'))
  return new Caller(a.platform.ports.door, { cert, key }, b.platform.trustDomain)
}

test('a peer is told the same, and as soon, of a port that is closed, silent, of something else, or of another server of ours', async () => {
  const closed = await listening(createServer())
  for (const server of servers.splice(0)) server.close()
  const silent = await listening(createServer((socket) => socket.on('error', () => {})))
  const chatty = await listening(createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n')))
  const { cert, key } = readTlsFiles(identityDir(a.platform, 'grant-authz'))
  const ours = await listening(createTlsServer({ cert, key, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] }))

  const told: Told[] = []
  for (const [port, whatIsThere] of [
    [closed, /ECONNREFUSED/],
    [silent, /nothing within/],
    [chatty, /ERR_SSL|wrong version|packet length/i],
    [ours, /service\/grant-authz/],
  ] as const)
    told.push(await toldOfPort(port, whatIsThere))
  const [first] = told
  expect(first?.checks.length).toBeGreaterThan(0)
  for (const { checks, tookMs } of told) {
    expect(checks).toEqual(first?.checks)
    expect(tookMs).toBeGreaterThanOrEqual(2_990)
    expect(tookMs).toBeLessThan(60_000) // on a machine that is busy; by itself it is as soon as it may be
  }
  expect(JSON.stringify(first?.checks)).not.toMatch(/REFUSED|SSH|grant-authz|nothing within|ERR_/)
})

test('of the addresses that are its own it is told piece by piece, and asked again at once it is told to wait', async () => {
  // Each check has seconds: a machine that is busy is late for one now and then.
  await eventually(
    async () => (await toldOfPort(b.platform.ports.door)).checks,
    (checks) =>
      checks.some((check) => check.includes('"status":"ok"') && check.includes('"section":"chains"')) &&
      !checks.some((check) => check.includes('"status":"failed"')),
  )
  const caller = bAtTheDoor()
  const ask = () => caller.call(FederationService.method.diagnose, {})
  const answers = await Promise.allSettled([ask(), ask()])
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [refusalOf(answer.reason)?.reason] : []))
  expect(refused).toContain('DIAGNOSIS_TOO_OFTEN')
  caller.close()
})
