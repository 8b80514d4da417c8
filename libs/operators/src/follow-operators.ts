import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { Follower, type Said } from '@powernode/feed'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import {
  OperatorService,
  type Directory,
  type WatchOperatorsResponse,
} from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import {
  createClient,
  Refusal,
  type Credentials,
  type OperatorCaller,
  type OperatorLookup,
  type TransportOptions,
} from '@powernode/rpc'
import { OperatorTable } from './operator-table.ts'

/**
 * How long what was last vouched for may be gone by while grant-authz is away, so that its restart stops nobody's work.
 * A certificate that is revoked is cut off within a second all the same: that does not go through here.
 */
export const PATIENCE_MS = 30_000
/** Seldom: every service asks, and what they hold outlives a lease by far. */
const ASKS_PER_LEASE = 2
/** How long a call waits for the first word, or for grant-authz to come back. */
export const WAIT_MS = 2_000

export type OperatorDirectoryDeps = {
  readonly operators: Pick<Client<typeof OperatorService>, 'watchOperators'>
  /** The reader's own name of itself, for the log of grant-authz. */
  readonly reader: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** A stopwatch that never goes back; a test has its own. */
  readonly elapsedMs?: () => number
}

type Update = WatchOperatorsResponse['update']

export type Road = Omit<TransportOptions, 'server'> & Pick<OperatorDirectoryDeps, 'reader' | 'metrics'>

/** Whom to obey, as grant-authz says. Opened before the server is; `run` keeps it. Its connection ends with `signal`. */
export function followOperators({ reader, metrics, ...way }: Road, signal: AbortSignal): OperatorDirectory {
  const operators = createClient(OperatorService, { ...way, server: 'grant-authz' }, signal)
  return new OperatorDirectory({ operators, reader, metrics, clock: way.clock, logger: way.logger })
}

/** What operators may do, in memory. Nothing is known, and nobody let in, before `run` has heard it. */
export class OperatorDirectory implements OperatorLookup {
  readonly #deps: OperatorDirectoryDeps
  readonly #elapsedMs: () => number
  readonly #follower: Follower<Update>
  #held: { readonly directory: Directory; readonly table: OperatorTable } | undefined
  #vouchedAtMs = -Infinity
  #changed = Promise.withResolvers<void>()
  #vouched = Promise.withResolvers<void>()

  constructor(deps: OperatorDirectoryDeps) {
    const { operators, reader, clock, logger, metrics } = deps
    this.#deps = deps
    this.#elapsedMs = deps.elapsedMs ?? elapsed()
    this.#follower = new Follower<Update>({
      feed: 'operators',
      open: (requests, signal) =>
        this.#noting(requests, (said) => operators.watchOperators(said, { signal, timeoutMs: 0 })),
      reader,
      clock,
      logger,
      metrics,
      elapsedMs: this.#elapsedMs,
      asksPerLease: ASKS_PER_LEASE,
      begin: () => {}, // what is held stands until the next directory is there, which is always all of it
      apply: (update) => this.#apply(update),
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#follower.run(signal)
  }

  /** Refuses with POLICY_STALE, after a moment of waiting, while it is not known what operators may do. */
  async identify(credentials: Credentials, signal: AbortSignal): Promise<OperatorCaller> {
    if (!this.isKnown) await this.#untilKnown(signal)
    return this.#known().table.identify(credentials, this.#deps.clock.now())
  }

  /** Whether what is held may be gone by. */
  get isKnown(): boolean {
    return this.#held !== undefined && this.#elapsedMs() - this.#vouchedAtMs < PATIENCE_MS
  }

  /** What an action's approval policy demands; undefined for an action there is no policy for. */
  policyOf(action: string): Directory['policies'][number] | undefined {
    return this.#known().directory.policies.find((policy) => policy.action === action)
  }

  /** Whether what acts by itself may act. */
  get autonomy(): Directory['autonomy'] {
    return this.#known().directory.autonomy
  }

  /** How many approvals wait for a service (`service/<name>`) to carry them out: a bell, so what is old is good enough. */
  approvedFor(service: string): number {
    return this.#held?.directory.approved[service] ?? 0
  }

  /** Resolves when something is told next. Take it before looking at what is held. */
  get changed(): Promise<void> {
    return this.#changed.promise
  }

  #known(): { readonly directory: Directory; readonly table: OperatorTable } {
    if (this.#held && this.isKnown) return this.#held
    throw new Refusal('POLICY_STALE', 'it is not known at this moment what operators may do', {
      next: 'see whether grant-authz is up, and what it logs: nothing else knows the operators; then try again',
      retryAfterMs: 1_000,
    })
  }

  async #untilKnown(signal: AbortSignal): Promise<void> {
    const giveUp = new AbortController()
    const waited = this.#deps.clock.sleep(WAIT_MS, AbortSignal.any([signal, giveUp.signal]))
    await Promise.race([waited, this.#vouched.promise])
    giveUp.abort()
  }

  #apply(update: Update): void {
    if (update.case !== 'directory') return
    const table = new OperatorTable(update.value)
    const problems = table.unusable
    if (problems.length > 0) this.#deps.logger.error({ task: 'operators', problems }, 'issuers of tokens are not used')
    this.#held = { directory: update.value, table }
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Notes when what is held was vouched for last: when the ask was sent that a tick answers, as with the lease. */
  async *#noting(
    requests: AsyncIterable<{ said: Said }>,
    open: (requests: AsyncIterable<{ said: Said }>) => AsyncIterable<{ update: Update }>,
  ): AsyncGenerator<{ update: Update }> {
    const sentAtMs = new Map<bigint, number>()
    const elapsedMs = this.#elapsedMs
    async function* sent(): AsyncGenerator<{ said: Said }> {
      for await (const request of requests) {
        if (request.said.case === 'ask') sentAtMs.set(request.said.value.number, elapsedMs())
        yield request
      }
    }
    for await (const told of open(sent())) {
      yield told
      if (told.update.case !== 'tick') continue
      this.#vouch(sentAtMs.get(told.update.value.number))
      for (const number of sentAtMs.keys()) if (number <= told.update.value.number) sentAtMs.delete(number)
    }
  }

  #vouch(sentAtMs: number | undefined): void {
    if (sentAtMs === undefined || !this.#held) return
    this.#vouchedAtMs = sentAtMs
    this.#vouched.resolve()
    this.#vouched = Promise.withResolvers()
  }
}
