import { Argument, Command } from '@commander-js/extra-typings'
import { CompatibilitySchema, VersionRuleSchema } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { ruledText, worseWords } from '../render/versions.ts'
import type { Session } from '../session.ts'
import { listed, version } from '../values.ts'
import { plainEnforcement, present, written } from '../written.ts'

const STATUSES = ['compatible', 'degraded', 'incompatible'] as const

export const versionSet = (run: Run) =>
  new Command('set')
    .description('say how two versions stand to each other, in place of what was said of them before')
    .argument('<ours>', 'a version of ours, or its beginning: 2, 2.1 or 2.1.3', version)
    .argument('<theirs>', 'a version of theirs, in the same way', version)
    .addArgument(
      new Argument('<status>', 'incompatible: only heartbeats and statements pass; degraded: not all').choices(
        STATUSES,
      ),
    )
    .option('--refuse <kinds>', 'degraded: these kinds of resources, by commas (default: all that writes)', listed)
    .option('--notes <text>', 'why, for whoever meets it', '')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      // oxlint-disable-next-line max-params -- what is typed, word by word
      run(async (session, localVersion, remoteVersion, status, options) => {
        // In force everywhere when the call returns: there is nothing to wait for.
        const refusedKinds = options.refuse ?? []
        await checkKinds(session, refusedKinds)
        const said = { localVersion, remoteVersion, status, refusedKinds, notes: options.notes }
        const before = options.dryRun ? undefined : await session.clients.versions.setVersionRule({ ...said, dryRun: true }) // prettier-ignore
        if (before && before.worse > 0) await session.confirm(`${capitalised(worseWords(before))}. Go on?`)
        const answer = await session.clients.versions.setVersionRule({
          ...said,
          dryRun: options.dryRun === true,
          ...(before && { expectedWorse: before.worse }),
        })
        const rule = present(answer.rule, 'a rule')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: {
            rule: plain(VersionRuleSchema, rule),
            worse: answer.worse,
            changed: answer.changed.map((one) => plain(CompatibilitySchema, one)),
            enforcement: plainEnforcement(answer.enforcement),
          },
          text: (canvas) => ruledText({ ...answer, rule }, canvas, name),
        })
      }),
    )

/** A word that is no kind would refuse nothing, and nobody would notice. */
async function checkKinds({ clients }: Session, said: readonly string[]): Promise<void> {
  if (said.length === 0) return
  const { kinds } = await clients.catalogue.listKinds({})
  const unknown = said.filter((word) => !kinds.some(({ kind }) => kind === word))
  if (unknown.length > 0)
    throw usage(`there is no kind of resource called ${unknown.join(', ')}`, 'fedctl resource kinds')
}

const capitalised = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1)
