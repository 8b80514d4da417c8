import type { AcceptanceRun } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import type { Approval, Autonomy } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { LogStatus } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import type { Alarm } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { ExamineRoadResponse } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import type { Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Finding } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Remediation, RemediationStatus } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Freshness } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import type { Invitation, Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Node } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Run } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { Child } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Compatibility, ListVersionRulesResponse } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { GetVitalsResponse } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'

/** Which of our services did not answer, and what each said instead. */
export type Unread = Readonly<Record<string, string>>

/**
 * All that is known of one peering at a moment. A part that is undefined could not be read; a part that is there and empty
 * says that there is nothing. The checks MUST tell these apart.
 */
export type PeerEvidence = {
  readonly now: Date
  readonly unread: Unread
  readonly peer?: Peer
  readonly platform?: GetPlatformResponse
  readonly invitations?: readonly Invitation[]
  /** How fresh it is; `null`: it was never heard of. */
  readonly freshness?: Freshness | null
  /** The clocks of other peers, to tell whose is wrong. */
  readonly others?: readonly Freshness[]
  readonly listening?: RemediationStatus
  /** Newest first. */
  readonly remediations?: readonly Remediation[]
  readonly findings?: readonly Finding[]
  readonly compatibility?: Compatibility | null
  readonly received?: readonly Grant[]
  /** What we have granted the peer, whatever became of it. */
  readonly given?: readonly Grant[]
  /** The decisions of the last hour about calls with this peer, both ways, newest first. */
  readonly decisions?: readonly Decision[]
  readonly approvals?: readonly Approval[]
  readonly autonomy?: Autonomy
  readonly log?: LogStatus | null
  readonly alarms?: readonly Alarm[]
  readonly child?: Child | null
  readonly acceptance?: AcceptanceRun | null
  readonly network?: FederatedNetwork
}

/** The road as our gateway walked it, or why it did not. */
export type Road = { readonly road: ExamineRoadResponse } | { readonly silent: string }

/** What the other side says of the two of us, or why it says nothing. */
export type Theirs = { readonly checks: readonly Check[] } | { readonly silent: string }

/** What our network makes of this peer. */
export type FederatedNetwork = {
  /** Routes that come from the peer, and whether a node really has each. */
  readonly routes: readonly { readonly prefix: string; readonly measured: boolean }[]
  readonly nodes: readonly Node[]
  /** What of the whole network is not as it is wanted. */
  readonly problems: readonly { readonly code: string; readonly leftOut: boolean }[]
}

/** One of our services: what it says of itself, or why it says nothing. */
export type ServiceVitals = {
  readonly name: string
  readonly vitals?: GetVitalsResponse
  /** Why there is none. */
  readonly silent?: string
  /** How long the question was under way: a clock is known no better. */
  readonly roundTripMs: number
}

/** All that is known of our own platform at a moment. */
export type PlatformEvidence = {
  readonly now: Date
  readonly unread: Unread
  readonly services: readonly ServiceVitals[]
  readonly autonomy?: Autonomy
  readonly approvals?: readonly Approval[]
  readonly listening?: RemediationStatus
  readonly alarms?: readonly Alarm[]
  readonly findings?: readonly Finding[]
  readonly runs?: readonly Run[]
  readonly acceptances?: readonly AcceptanceRun[]
  /** Peers that are degraded: as many as fit into a line or two. */
  readonly degraded?: readonly Peer[]
  /** Of which version we are, and what the process was told that says so. */
  readonly versions?: Pick<ListVersionRulesResponse, 'localVersion' | 'toldVersion'>
}
