import { Code, ConnectError } from '@connectrpc/connect'
import { examinePeer, gatherPlatform, platformChecks, verdictOf, witnessesBy, type Server } from '@powernode/doctor'
import { VerdictSchema, type Verdict } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { CheckSchema, type Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { SERVICE_NAMES } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { plain } from './plain.ts'
import { resolvePeer } from './resolve-peer.ts'
import type { Session } from './session.ts'

/** What an examination found: every check, and the one thing to begin with. */
export type Examination = {
  /** Empty: the platform. */
  readonly peerId: string
  readonly name: string
  readonly checks: readonly Check[]
  readonly verdict: Verdict
}

/** The walk along the road and the other side's half take their time. */
const PATIENCE_MS = 60_000
/** liveness is not there, or of a release that has no doctor: then we go and look ourselves. */
const NOBODY: readonly Code[] = [Code.Unavailable, Code.Unimplemented]

/** Our own platform, each service asked by us and not by another of them: so it works whichever is down. */
export async function examineOurs({ clients, clock, signal, context }: Session): Promise<Examination> {
  const road = (server: Server) => clients.road(server)
  const servers = SERVICE_NAMES.filter((name) => context.services[name] !== undefined)
  const evidence = await gatherPlatform(witnessesBy(road), { clock, servers, road }, signal)
  const checks = platformChecks(evidence)
  return { peerId: '', name: context.name, checks, verdict: verdictOf(checks, clock.now()) }
}

/** One peering: by the doctor in liveness, or by ourselves when there is none to be had. */
export async function examineOne(session: Session, named: string, bothEnds: boolean): Promise<Examination> {
  const { id, name } = await peerNamed(session, named)
  const about = { peerId: id, bothEnds }
  const found = (await byDoctor(session, about)) ?? (await byOurselves(session, about))
  return { peerId: id, name, ...found }
}

/** Without the registry an id is as good as a name. */
async function peerNamed(session: Session, named: string): Promise<Pick<Peer, 'id' | 'name'>> {
  try {
    return await resolvePeer(session, named)
  } catch (error) {
    if (!/^[0-9a-f-]{36}$/i.test(named) || ConnectError.from(error).code !== Code.Unavailable) throw error
    return { id: named.toLowerCase(), name: '' }
  }
}

type About = { readonly peerId: string; readonly bothEnds: boolean }
type Found = Pick<Examination, 'checks' | 'verdict'>

async function byDoctor({ clients, signal }: Session, about: About): Promise<Found | undefined> {
  const checks: Check[] = []
  let verdict: Verdict | undefined
  try {
    for await (const { part } of clients.doctor.examine(about, { signal, timeoutMs: PATIENCE_MS })) {
      if (part.case === 'check') checks.push(part.value)
      if (part.case === 'verdict') verdict = part.value
    }
  } catch (error) {
    if (!NOBODY.includes(ConnectError.from(error).code)) throw error
  }
  return verdict && { checks, verdict }
}

async function byOurselves({ clients, clock, signal }: Session, about: About): Promise<Found> {
  const witnesses = witnessesBy((server) => clients.road(server))
  const checks: Check[] = []
  for await (const check of examinePeer(witnesses, { ...about, now: clock.now() }, signal)) checks.push(check)
  return { checks, verdict: verdictOf(checks, clock.now()) }
}

/** 0: nothing is wrong; 3: something needs an eye; 1: something does not work. */
export const exitOf = ({ verdict }: Examination): ExitCode =>
  verdict.failed > 0 ? EXIT.fault : verdict.warnings > 0 ? EXIT.doneWithOpenItems : EXIT.done

export const plainExamination = ({ peerId, name, verdict, checks }: Examination) => ({
  ...(peerId !== '' && { peer_id: peerId }),
  name,
  verdict: plain(VerdictSchema, verdict),
  checks: checks.map((check) => plain(CheckSchema, check)),
})
