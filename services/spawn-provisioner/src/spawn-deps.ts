import type { Client } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import type { Clock } from '@powernode/clock'
import type { SealingKey } from '@powernode/identity'
import type { Db, Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Config } from './config.ts'
import type { Tables } from './store/tables.ts'

/** What every part of this service stands on. */
export type SpawnDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly config: Config
  readonly sealing: SealingKey
  readonly registry: Client<typeof PeerRegistryService>
  readonly authority: Client<typeof CertificateAuthorityService>
  readonly gate: Gate
}
