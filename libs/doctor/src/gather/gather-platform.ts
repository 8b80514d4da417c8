import type { Transport } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'
import { VitalsService } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PlatformEvidence, ServiceVitals } from '../evidence.ts'
import { asking, sentenceOf } from './asking.ts'
import type { Server, Witnesses } from './witnesses.ts'

const PATIENCE_MS = 5_000
const RECENT = 100

export type Asked = {
  readonly clock: Clock
  /** Whom to ask how they are. */
  readonly servers: readonly Server[]
  readonly road: (server: Server) => Transport
}

/** How each of our processes is by its own word, and what waits for a person. Reads, and changes nothing. */
export async function gatherPlatform(
  witnesses: Witnesses,
  { clock, servers, road }: Asked,
  signal: AbortSignal,
): Promise<PlatformEvidence> {
  const { ask, unread } = asking(signal)
  const [services, autonomy, approvals, listening, alarms, findings, runs, acceptances, degraded, versions] =
    await Promise.all([
      Promise.all(servers.map((server) => vitalsOf(server, road, signal))),
      ask('grant-authz', (o) => witnesses.approvals().getAutonomy({}, o)),
      ask('grant-authz', (o) => witnesses.approvals().listApprovals({ pageSize: RECENT }, o)),
      ask('liveness', (o) => witnesses.remediation().getRemediationStatus({}, o)),
      ask('audit-ledger', (o) => witnesses.ledger().listAlarms({ openOnly: true }, o)),
      ask('liveness', (o) => witnesses.governance().listFindings({ unacknowledgedOnly: true, pageSize: RECENT }, o)),
      ask('sdwan-compiler', (o) => witnesses.network().listRuns({ pageSize: RECENT }, o)),
      ask('peer-registry', (o) => witnesses.acceptances().listAcceptances({ pageSize: RECENT }, o)),
      ask('peer-registry', (o) => witnesses.peers().listPeers({ states: [PeerState.DEGRADED], pageSize: RECENT }, o)),
      ask('peer-registry', (o) => witnesses.versions().listVersionRules({}, o)),
    ])
  return {
    now: clock.now(),
    unread: unread,
    services,
    ...(autonomy?.autonomy && { autonomy: autonomy.autonomy }),
    ...(approvals && { approvals: approvals.approvals }),
    ...(listening?.status && { listening: listening.status }),
    ...(alarms && { alarms: alarms.alarms }),
    ...(findings && { findings: findings.findings }),
    ...(runs && { runs: runs.runs }),
    ...(acceptances && { acceptances: acceptances.runs }),
    ...(degraded && { degraded: degraded.peers }),
    ...(versions && { versions }),
  }
}

async function vitalsOf(
  name: Server,
  road: (server: Server) => Transport,
  signal: AbortSignal,
): Promise<ServiceVitals> {
  const time = elapsed()
  try {
    const vitals = await createClient(VitalsService, road(name)).getVitals({}, { signal, timeoutMs: PATIENCE_MS })
    return { name, vitals, roundTripMs: time() }
  } catch (error) {
    signal.throwIfAborted()
    return { name, silent: sentenceOf(error), roundTripMs: time() }
  }
}
