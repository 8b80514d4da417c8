import { Feed } from '@powernode/feed'
import { inTransaction, type Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { mount, type Mount, type OperatorLookup } from '@powernode/rpc'
import type { Config } from '../config.ts'
import { directorySource, OPERATORS_FEED, type DirectoryUpdate } from '../feed/directory.ts'
import { appointFirst } from '../operations/operators/appoint-first.ts'
import type { DoorDeps } from '../rpc/door.ts'
import { OPERATOR_CALLERS, operatorHandlers } from '../rpc/operators.ts'
import type { Tables } from '../store/tables.ts'
import { keepOidcKeys } from './keep-oidc-keys.ts'
import { openTokenKey } from './token-key.ts'
import { ownOperators } from './own-lookup.ts'

export type OperatorAreaDeps = DoorDeps & {
  readonly listener: Listener
  readonly schema: string
  readonly logger: Logger
  readonly metrics: Metrics
}

export type OperatorArea = {
  /** Who may call this very service, from its own tables. */
  readonly operators: OperatorLookup
  readonly mount: Mount
  /** Tells every service whom to obey, what has to be approved, and whether agents may act. */
  readonly operatorsFeed: Feed<Tables, DirectoryUpdate>
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that concerns operators in this process. There is one from the start: the first is appointed before anybody calls. */
export async function openOperatorArea(
  deps: OperatorAreaDeps,
  config: Pick<Config, 'operatorTokenKeyFile' | 'trustDomain' | 'firstOperator' | 'feedLeaseMs' | 'oidc'>,
): Promise<OperatorArea> {
  const { db, clock, logger } = deps
  const tokenKey = await openTokenKey(config.operatorTokenKeyFile, config.trustDomain)
  const first = await inTransaction(db, (tx) => appointFirst(tx, clock.now(), { name: config.firstOperator }))
  if (first) logger.info({ caller: `operator/${first.name}` }, 'there was no operator: this one is admin now')
  const operatorsFeed = new Feed({
    ...deps,
    feed: OPERATORS_FEED,
    source: directorySource(tokenKey.told),
    leaseMs: config.feedLeaseMs,
  })
  return {
    operators: ownOperators(deps, tokenKey.told),
    operatorsFeed,
    mount: mount(OperatorService, operatorHandlers({ ...deps, operatorsFeed, tokenKey }), OPERATOR_CALLERS),
    tasks: [(signal) => operatorsFeed.run(signal), (signal) => keepOidcKeys(deps, config.oidc, signal)],
  }
}
