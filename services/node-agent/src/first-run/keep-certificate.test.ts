import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, createRouterTransport, type Interceptor, type ServiceImpl } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import {
  createCsr,
  issueCertificate,
  readTlsFiles,
  renewedBy,
  tlsContentOf,
  writeTlsFiles,
  type Authority,
} from '@powernode/identity'
import { makeTestAuthority } from '@powernode/identity/testing'
import { createLogger } from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal, toConnectError } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keepCertificate } from './keep-certificate.ts'
import { progressIn } from './progress.ts'

const INSTANCE = randomUUID()
const DAY_MS = 86_400_000
const LIFE_MS = 7 * DAY_MS
const quiet = createLogger('test', { level: 'silent' })

let parent: Authority
let stateDir: string
let clock: FakeClock
let asked: number
let answer: ServiceImpl<typeof FederationService>['enrollNode']
let stopping: AbortController
let keeping: Promise<void>

beforeEach(async () => {
  clock = new FakeClock()
  parent = await makeTestAuthority('parent.example')
  stateDir = mkdtempSync(join(tmpdir(), 'keep-certificate-'))
  stopping = new AbortController()
  asked = 0
  answer = async ({ csrDer }) => ({ certificateChain: (await sign(csrDer)).map((der) => Uint8Array.from(der)) })
  await hold()
})
afterEach(async () => {
  stopping.abort()
  await keeping
  rmSync(stateDir, { recursive: true })
})

async function sign(csrDer: Uint8Array, authority = parent): Promise<readonly Buffer[]> {
  const { chain } = await issueCertificate(authority, {
    holder: { csrDer },
    spiffeId: { trustDomain: 'parent.example', kind: 'instance', name: INSTANCE },
    notBefore: clock.now(),
    notAfter: new Date(clock.now().getTime() + LIFE_MS),
    usages: ['server', 'client'],
  })
  return chain
}

/** As the first run leaves it, or an operator who brings another by hand. */
async function hold(): Promise<void> {
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const roots = [parent.rootCertificate]
  writeTlsFiles(join(stateDir, 'instance'), tlsContentOf({ chain: await sign(csrDer), privateKeyPkcs8Der, roots }))
}

const refusals: Interceptor = (next) => (req) =>
  next(req).catch((error: unknown) => Promise.reject(toConnectError(error)))

function keep(): void {
  const transport = createRouterTransport(
    ({ service }) =>
      service(
        FederationService,
        partly(FederationService, {
          enrollNode: (request, context) => {
            asked += 1
            // As the parent judges it: by the certificate that is in force, and for this request.
            if (!request.renewal || !renewedBy(request.renewal, request.csrDer))
              throw new Refusal('CERTIFICATE_NOT_TRUSTED', 'not by the one it has')
            return answer(request, context)
          },
        }),
      ),
    { router: { interceptors: [refusals] } },
  )
  const federation = createClient(FederationService, transport)
  const deps = { federation, progress: progressIn(stateDir, quiet), clock, logger: quiet, stateDir }
  keeping = keepCertificate(deps, 'our id of the parent', stopping.signal)
}

const held = () => readTlsFiles(join(stateDir, 'instance'))
const progress = () => readFileSync(join(stateDir, 'progress'), 'utf8')

/** Time passes an hour at a time, since whoever asks waits for an answer in between. */
async function passing(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += DAY_MS / 8) {
    await clock.sleeping()
    await clock.advance(DAY_MS / 8)
  }
  await clock.sleeping()
}

test('from the half of its life on the certificate of the node is renewed, for another key, again and again', async () => {
  const first = held()
  keep()
  await passing(LIFE_MS * 0.45)
  expect(asked).toBe(0)
  await passing(LIFE_MS * 0.2)
  expect(asked).toBe(1)
  const second = held()
  expect([second.serial === first.serial, second.key === first.key]).toEqual([false, false])
  expect(second.spiffeId).toEqual(first.spiffeId)
  await passing(LIFE_MS * 3)
  expect(asked).toBeGreaterThan(4)
  expect(held().notAfter.getTime()).toBeGreaterThan(clock.now().getTime())
})

test('a parent that does not answer is asked again, and it is said why; what it sent that is not as promised is not taken', async () => {
  const { serial } = held()
  const stranger = await makeTestAuthority('parent.example')
  answer = () => {
    throw new Refusal('PEER_UNREACHABLE', 'nobody answers')
  }
  keep()
  await passing(LIFE_MS * 0.6)
  expect(progress()).toMatch(/could not be renewed.*PEER_UNREACHABLE/)
  answer = async ({ csrDer }) => ({
    certificateChain: (await sign(csrDer, stranger)).map((der) => Uint8Array.from(der)),
  })
  await passing(LIFE_MS * 0.1)
  expect(progress()).toMatch(/not under the root of our parent/)
  expect(held().serial).toBe(serial)
  answer = async ({ csrDer }) => ({ certificateChain: (await sign(csrDer)).map((der) => Uint8Array.from(der)) })
  await passing(LIFE_MS * 0.1)
  expect(held().serial).not.toBe(serial)
  expect(progress()).toMatch(/is renewed, until/)
})

test('one that ran out is not shown to anybody: it is said who must act, and how; what they bring is taken up', async () => {
  clock.jump(LIFE_MS + 1)
  keep()
  await clock.sleeping()
  expect(progress()).toContain(`fedctl cert issue ${INSTANCE} --kind instance --out <folder>, and put its files into`)
  expect(asked).toBe(0)
  await hold()
  await passing(LIFE_MS * 0.7)
  expect(asked).toBe(1)
})
