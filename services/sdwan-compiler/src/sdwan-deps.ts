import type { Client } from '@connectrpc/connect'
import type { Directory, Gate } from '@powernode/approvals'
import type { Clock } from '@powernode/clock'
import type { SealingKey } from '@powernode/identity'
import type { Db, Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Config } from './config.ts'
import type { NetworkCompiler } from './network.ts'
import type { Tables } from './store/tables.ts'
import type { NetworkNews } from './watch/network-news.ts'
import type { OurPlatform } from './watch/our-platform.ts'

/** What every part of this service stands on. */
export type SdwanDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly config: Config
  readonly sealing: SealingKey
  readonly registry: Client<typeof PeerRegistryService>
  readonly authority: Client<typeof CertificateAuthorityService>
  /** federation-gateway's inner side: what is said to peers goes through it. */
  readonly border: Client<typeof FederationService>
  readonly gate: Gate
  /** The approval policies, as the gate knows them. */
  readonly policies: Directory
  /** Keeps the network in memory, compiled. */
  readonly compiler: NetworkCompiler
  /** Rings whenever the network is another one. */
  readonly news: NetworkNews
  /** Who we are to peers. */
  readonly platform: OurPlatform
}
