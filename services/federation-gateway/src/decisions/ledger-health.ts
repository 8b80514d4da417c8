import type { Client } from '@connectrpc/connect'
import { backoffMs, type Clock } from '@powernode/clock'
import type { Logger, Metrics } from '@powernode/process'
import { HealthCheckResponse_ServingStatus as Status, type Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'

export type LedgerHealthParts = {
  readonly health: Pick<Client<typeof Health>, 'watch'>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const RECONNECT = { firstMs: 50, mostMs: 1_000 }

/** Whether the ledger can be reached and writes down, as it says itself. While it does not, every call is refused. */
export class LedgerHealth {
  readonly #parts: LedgerHealthParts
  readonly #gauge
  #isWell = false

  constructor(parts: LedgerHealthParts) {
    this.#parts = parts
    this.#gauge = parts.metrics.gauge(
      'fed_gateway_ledger_writable',
      '1 while the ledger says that it writes down, 0 while it does not or cannot be reached',
    )
    this.#gauge.set(0)
  }

  get isWell(): boolean {
    return this.#isWell
  }

  async run(signal: AbortSignal): Promise<void> {
    const { health, clock } = this.#parts
    for (let failures = 1; !signal.aborted; failures++) {
      let why: unknown = 'it ended what has no end'
      try {
        for await (const { status } of health.watch(
          { service: AuditLedgerService.typeName },
          { signal, timeoutMs: 0 },
        )) {
          failures = 0
          this.#say(status === Status.SERVING, 'it says that it cannot write down')
        }
      } catch (error) {
        why = error
      }
      if (signal.aborted) return
      this.#say(false, why)
      await clock.sleep(backoffMs(failures, RECONNECT), signal)
    }
  }

  #say(isWell: boolean, why: unknown): void {
    if (isWell === this.#isWell) return
    this.#isWell = isWell
    this.#gauge.set(isWell ? 1 : 0)
    const { logger } = this.#parts
    if (isWell) logger.info({ task: 'ledger-health' }, 'the ledger writes down')
    else logger.warn({ task: 'ledger-health', error: why }, 'the ledger does not write down: calls are refused')
  }
}
