import { Argument, Option } from '@commander-js/extra-typings'
import { TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { wordsOf } from './render/words.ts'
import { durationMs, listed, listedOf, pairs, wholeNumber } from './values.ts'

/** The options of every write. */
export const dryRun = () => new Option('--dry-run', 'show what would come of it; change nothing')
export const wait = () =>
  new Option('--wait [timeout]', 'go on until it has taken effect, at most so long (default 60s)').argParser(durationMs)

export const reason = () => new Option('--reason <text>', 'why; stands with it, and in the ledger').default('')
export const ttl = () =>
  new Option('--ttl <duration>', 'how long the invitation can be used: 1h to 30d (default 7d)').argParser(durationMs)
export const note = () => new Option('--note <text>', 'kept with the invitation, for example a ticket').default('')

export const peer = () => new Argument('<peer>', 'id, name or platform id')
export const entry = () =>
  new Argument('<entry>', 'log and sequence (b/17, platform/3), or the id of an event or a decision')
export const trust = () =>
  new Option('--trust <mode>', 'symmetric: each keeps its CA; hierarchical: the inviter signs a certificate for us')
    .choices(wordsOf(TrustMode))
    .default('symmetric')
export const invitation = () => new Argument('<invitation>', 'pni1.…, or - to read it from stdin')

export const SCOPES = ['read', 'write', 'admin', 'migrate'] as const

/** One or several of the words there are, by commas: --state degraded,suspended. */
export const someOf = <Flags extends string>(flags: Flags, description: string, words: readonly string[]) =>
  new Option(flags, `${description}; by commas`).choices(words).argParser(listedOf(words))

/** What a grant is limited to, and what a call is measured by. */
export const scopes = () => someOf('--scope <scopes>', 'what for, none implies another', SCOPES)
export const oneScope = () => new Option('--scope <scope>', 'for what').choices(SCOPES)
export const nodes = () =>
  new Option('--node <ids>', "only for these of the peer's nodes; by commas; * for any").argParser(listed)
export const networks = () =>
  new Option('--network <ids>', 'only over these networks of ours, each with an active bridge; * for any').argParser(
    listed,
  )
export const cidrs = () =>
  new Option('--cidr <ranges>', 'only from these addresses: 10.20.0.0/16; * for any').argParser(listed)
export const bindings = () =>
  new Option(
    '--bind <identities>',
    'only with these certificates: SPIFFE ids, or x5t#S256:<SHA-256>; else whatever the peer is enrolled with',
  ).argParser(listed)

export const whosePeer = () => new Option('--peer <peer>', 'whose it is: id, name or platform id; has to be said')
export const ofPeer = () => new Option('--peer <peer>', 'only of this peer: id, name or platform id')
export const ofKind = () => new Option('--kind <kind>', 'only of this kind of resource').default('')
export const ofEventKind = () =>
  new Option('--kind <prefix>', 'only kinds that begin so, for example federation.peer.').default('')
export const ofSource = () => new Option('--source <service>', 'only what this service announces').default('')
export const ofSeverity = () =>
  new Option('--severity <severity>', 'only of this severity').choices(['low', 'medium', 'high', 'critical'] as const)
export const proofFile = () =>
  new Option('--out <file>', 'where the proof goes, for example b-17.tlog-proof (default: shown)')
export const fields = () =>
  new Option('--set <key=value>', 'a field of it; can be repeated; JSON values keep their type').argParser(pairs)
export const revision = () =>
  new Option('--if-revision <number>', 'only if it still has this revision').argParser(wholeNumber)
export const bearer = () =>
  new Option(
    '--grant <bearer>',
    'the grant to be used: - reads it from stdin; else FEDCTL_GRANT, else one the peer gave us that fits. ' +
      'Typed out, it stays in the history of your shell',
  )
export const forNode = () =>
  new Option('--node <id>', 'for which node of ours the call is, where the grant wants it said')
export const overNetwork = () =>
  new Option('--network <id>', 'over which of their networks, where the grant wants it said')
export const MODES = ['off', 'advise', 'enforce'] as const
export const mode = () => new Option('--mode <mode>', 'off, advise (only say so) or enforce').choices(MODES)

export const child = () => new Argument('<child>', 'id, hostname or peer of a child')
export const template = () => new Argument('<template>', 'id or name')
export const provider = () => new Argument('<provider>', 'id or name')
export const instance = () => new Argument('<instance>', 'id or hostname')
/** How a child comes to be; out_of_band is what nobody spawned. */
export const SPAWN_MODES = ['managed_child', 'autonomous_peer', 'cluster_member'] as const

export const network = () => new Argument('<network>', 'its slug or id')
export const member = () => new Argument('<member>', '<network>/<name>, or its id')
export const overrideTests = () =>
  new Option('--override-tests <reason>', 'write it although tests fail, and why; it stands in the ledger').default('')
export const TOPOLOGIES = ['hub_and_spoke', 'full_mesh'] as const
export const ROUTING = ['static', 'ibgp'] as const
