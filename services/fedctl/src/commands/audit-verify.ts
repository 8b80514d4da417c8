import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { VerifyLogResponseSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { DAMAGE_EXIT, EXIT } from '../exit-codes.ts'
import type { Run, RunAlone } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import type { Outcome } from '../output.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { folderText, notHereText, plainFolder, plainProof, proofVerdictText, serviceText } from '../render/verdict.ts'
import { read, readBytes } from '../said.ts'
import type { Alone, Session } from '../session.ts'
import { collect } from '../values.ts'
import { damageKind, gravest, MEANINGS, type DamageKind } from '../verify/damage.ts'
import { logsNotHere, verifyFolder } from '../verify/folder.ts'
import { verifyProof } from '../verify/proof-file.ts'
import { checkByService } from '../verify/service-check.ts'
import { trustFrom, type Trusted } from '../verify/trust.ts'

const CODES = Object.entries(DAMAGE_EXIT)
  .map(([kind, code]) => `  ${code}  ${kind}: ${MEANINGS[kind as DamageKind]}`) // a key of the table
  .join('\n')
const HELP = `
A folder or a file is checked by itself: no service is asked, no context is read.
Exit codes: 0 it is whole, and
${CODES}
`
const HOW = 'fedctl audit verify <folder or file> --key <vkey or file>, or fedctl audit verify --log <peer>'

export const auditVerify = (run: Run, runAlone: RunAlone) => {
  // The command itself goes along: its options above say how to print.
  const byService = run((session, log: string, _command: CommandUnknownOpts) => askService(session, log))
  const byOurselves = runAlone((alone, asked: Asked, _command: CommandUnknownOpts) => verifyPath(alone, asked))
  return new Command('verify')
    .description('check a log that was exported, or a proof, from its files and keys alone; or --log by its service')
    .argument('[path]', 'a folder that holds one log or several, or a .tlog-proof file')
    .option('--key <vkey>', 'whose signatures count: a vkey, or a file of them; can be repeated', collect)
    .option('--policy <file>', 'how many witnesses it takes (C2SP tlog-policy); holds keys too')
    .option('--previous <file>', 'a checkpoint of before: the log must be a continuation of it')
    .option('--leaf <file>', 'the entry that a proof is about, when the proof does not carry it along')
    .option('--log <peer>', "instead: the service's own check of a log: id, name, platform id, or platform")
    .addHelpText('after', HELP)
    .action(async (path, options, command) => {
      if ((path === undefined) === (options.log === undefined)) throw usage('either files, or --log', HOW)
      if (path === undefined) return byService(options.log ?? '', command)
      return byOurselves({ ...options, path, keys: options.key ?? [] }, command)
    })
}

type Asked = {
  readonly path: string
  readonly keys: readonly string[]
  readonly policy?: string | undefined
  readonly previous?: string | undefined
  readonly leaf?: string | undefined
}

async function verifyPath(alone: Alone, { path, keys, policy, previous, leaf }: Asked): Promise<Outcome> {
  const { cwd } = alone.env
  const whole = resolve(cwd, path)
  if (!existsSync(whole)) throw usage(`there is no ${path}`, HOW)
  const trusted = trustFrom(cwd, keys, policy)
  if (!statSync(whole).isDirectory()) return proofOutcome(whole, leaf && resolve(cwd, leaf), trusted)
  const before = previous === undefined ? undefined : read(resolve(cwd, previous), previous)
  const verdicts = await verifyFolder(alone, whole, { trusted, previous: before })
  if (verdicts.length === 0) throw usage(`${path} holds no log: there is no checkpoint in it`, HOW)
  const notHere = logsNotHere(whole, verdicts, trusted)
  const worst = gravest(verdicts.flatMap(({ damages }) => damages))
  return {
    data: plainFolder(verdicts, notHere),
    text: (canvas) => [folderText(verdicts, canvas), notHereText(notHere, canvas)].filter(Boolean).join('\n\n'),
    exit: worst?.exit ?? (notHere.length > 0 ? DAMAGE_EXIT.missing_checkpoint : EXIT.done),
  }
}

function proofOutcome(file: string, leaf: string | undefined, trusted: Trusted): Outcome {
  const verdict = verifyProof(read(file), leaf ? readBytes(leaf) : undefined, trusted)
  return {
    data: plainProof(verdict),
    text: (canvas) => proofVerdictText(verdict, canvas),
    exit: verdict.damage?.exit ?? EXIT.done,
  }
}

async function askService(session: Session, named: string): Promise<Outcome> {
  const verdict = await checkByService(session, await logIdOf(session, named))
  return {
    data: plain(VerifyLogResponseSchema, verdict),
    text: (canvas) => serviceText(verdict, canvas),
    exit: verdict.intact ? EXIT.done : DAMAGE_EXIT[damageKind(verdict.damage)],
  }
}
