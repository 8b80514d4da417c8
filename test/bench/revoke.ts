import { create, toBinary } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { CheckAccessRequestSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { federate, TestPlatform } from '../mesh.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'
import { Gateway, type Said } from './revoke/four-gateways.ts'

const GATEWAYS = 4
const RUNS = 5
const REVOKED_A_RUN = 40
/** Calls that begin after RevokeGrant returned, and MUST be refused. */
const CHECKED = Number(process.env['CHECKED'] ?? 100_000)
/** Many, since a refusal is not said before a gateway that was cut off has lost its lease; some 90 on each connection, of the 100 it takes. */
const AT_ONCE = 360
const KIND = 'NodeModule'

type Granted = {
  readonly id: string
  readonly bearer: string
  readonly request: Buffer
  revokedAtMs: number | undefined
}

/**
 * How long RevokeGrant takes with four gateways, which is until none of them can still allow; and that none does: so many
 * calls that begin after it returned, while gateways are killed, and cut off from grant-authz, at random.
 *
 * All of it real (Postgres, NATS, mTLS, two platforms), the services as processes of their own, the four gateways and the
 * peer that calls them in this one, which makes them slower than they are.
 */
export async function run(): Promise<Report> {
  const [a, b] = await Promise.all([
    TestPlatform.start('a', { processes: true, throughToDisk: true }),
    TestPlatform.start('b', { processes: true }),
  ])
  const gateways: Gateway[] = []
  try {
    const { onA: peerId } = await federate(a, b)
    for (let at = 0; at < GATEWAYS; at++) gateways.push(await Gateway.start(a, b))
    const bench = new RevokeBench(a, peerId, gateways)
    await bench.inQuiet(REVOKED_A_RUN / 4)
    const runs: number[][] = []
    for (let at = 1; at <= RUNS; at++) {
      runs.push(await bench.inQuiet(REVOKED_A_RUN))
      say(`run ${at}: p50 ${rounded(median(runs.at(-1)!))} ms, p99 ${rounded(quantile(runs.at(-1)!, 0.99))} ms`)
    }
    const after = await bench.amidMisfortune()
    const waits = runs.flat()
    return {
      bench: 'revoke',
      unit: 'ms until RevokeGrant returns',
      ours: rounded(median(waits)),
      limit: 100,
      ratio: rounded(100 / quantile(waits, 0.99), 3),
      p50_ms: rounded(quantile(waits, 0.5)),
      p99_ms: rounded(quantile(waits, 0.99)),
      runs: runs.map((run) => rounded(median(run))),
      gateways: GATEWAYS,
      ...after,
    }
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await Promise.all([a.stop(), b.stop()])
  }
}

class RevokeBench {
  readonly #platform: TestPlatform
  readonly #peerId: string
  readonly #gateways: readonly Gateway[]
  #number = 0

  constructor(platform: TestPlatform, peerId: string, gateways: readonly Gateway[]) {
    this.#platform = platform
    this.#peerId = peerId
    this.#gateways = gateways
  }

  /** Revokes one grant after the other, each in use a moment before; what it took in milliseconds. */
  async inQuiet(times: number): Promise<number[]> {
    const took: number[] = []
    for (let at = 0; at < times; at++) {
      const granted = await this.#grant()
      await this.#untilAllowed(granted)
      const begunAt = performance.now()
      await this.#platform.grants.revokeGrant({ grantId: granted.id, reason: 'bench' })
      took.push(performance.now() - begunAt)
      for (const gateway of this.#gateways)
        if ((await gateway.ask(granted.request, granted.bearer)) === 'allowed')
          throw new Error('a call was allowed after RevokeGrant had returned')
    }
    return took
  }

  /** Calls without end on all gateways, grants that come and go, and gateways that do; until so many were checked. */
  async amidMisfortune() {
    const live: Granted[] = [await this.#grant()]
    const counts: Record<Said, number> = { allowed: 0, refused: 0, stale: 0, away: 0 }
    const [took, misfortunes] = [[] as number[], { killed: 0, cut_off: 0 }]
    let [checked, allowedAfter, over] = [0, 0, false]

    const asker = async () => {
      while (!over) {
        const [granted, gateway] = [pick(live), pick(this.#gateways)]
        const { revokedAtMs } = granted // before the call begins
        const said = await gateway.ask(granted.request, granted.bearer)
        counts[said] += 1
        if (said === 'away' || said === 'stale') await systemClock.sleep(1, NEVER)
        if (said !== 'away' && revokedAtMs !== undefined) {
          checked += 1
          if (said === 'allowed') allowedAfter += 1
          if (checked % 10_000 === 0) say(`${checked} checked, ${allowedAfter} allowed`)
        }
      }
    }
    const revoker = async () => {
      while (checked < CHECKED) {
        const granted = await this.#grant()
        live.push(granted)
        await systemClock.sleep(Math.random() * 50, NEVER)
        const begunAt = performance.now()
        await this.#platform.grants.revokeGrant({ grantId: granted.id, reason: 'bench' })
        granted.revokedAtMs = performance.now()
        took.push(granted.revokedAtMs - begunAt)
        if (live.length > 20) live.splice(1, 1)
      }
      over = true
    }
    const misfortune = async () => {
      while (!over) {
        await systemClock.sleep(200 + Math.random() * 600, NEVER)
        const gateway = pick(this.#gateways)
        if (Math.random() < 0.4) {
          misfortunes.killed += 1
          await gateway.kill()
          await gateway.begin()
        } else {
          misfortunes.cut_off += 1
          gateway.weather = Math.random() < 0.5 ? 'cut' : 'deaf'
          await systemClock.sleep(Math.random() * 1_500, NEVER)
          gateway.weather = 'cut' // what was swallowed does not come later
          gateway.weather = 'fair'
        }
      }
    }
    await Promise.all([...Array.from({ length: AT_ONCE }, asker), revoker(), misfortune()])
    return {
      allowed_after: allowedAfter,
      checked,
      calls: counts,
      amid_misfortune: {
        revoked: took.length,
        p50_ms: rounded(quantile(took, 0.5)),
        p99_ms: rounded(quantile(took, 0.99)),
        ...misfortunes,
      },
    }
  }

  async #grant(): Promise<Granted> {
    const resourceId = `m-${++this.#number}`
    const said = { peerId: this.#peerId, resourceKind: KIND, resourceId, scopes: ['read'] }
    const { grant, bearer } = await this.#platform.grants.createGrant(said)
    const asked = create(CheckAccessRequestSchema, { kind: KIND, id: resourceId, scope: 'read' })
    const request = Buffer.from(toBinary(CheckAccessRequestSchema, asked))
    return { id: grant?.id ?? '', bearer, request, revokedAtMs: undefined }
  }

  async #untilAllowed({ request, bearer }: Granted): Promise<void> {
    const giveUp = AbortSignal.timeout(30_000)
    for (const gateway of this.#gateways)
      while ((await gateway.ask(request, bearer)) !== 'allowed') {
        giveUp.throwIfAborted()
        await systemClock.sleep(2, giveUp)
      }
  }
}

const NEVER = new AbortController().signal

function pick<T>(some: readonly T[]): T {
  const one = some[Math.floor(Math.random() * some.length)]
  if (one === undefined) throw new Error('there is nothing to pick from')
  return one
}
