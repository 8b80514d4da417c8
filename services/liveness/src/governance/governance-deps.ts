import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { PeerFeed } from '../feed/peer-feed.ts'
import type { Tables } from '../store/tables.ts'

/** The owners of what governance looks at. Nothing of theirs is kept here: each scan and each review asks anew. */
export type Owners = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly authority: Client<typeof CertificateAuthorityService>
  readonly notices: Client<typeof NoticeService>
  readonly versions: Client<typeof VersionService>
  readonly grants: Client<typeof GrantAuthzService>
  readonly residency: Client<typeof ResidencyService>
  readonly ledger: Client<typeof AuditLedgerService>
}

/** What findings, commitments and reviews are handed. */
export type GovernanceDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly owners: Owners
  readonly feed: Pick<PeerFeed, 'peers' | 'isComplete'>
}
