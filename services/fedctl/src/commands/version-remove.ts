import { Command } from '@commander-js/extra-typings'
import { CompatibilitySchema } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { ruledText, worseWords } from '../render/versions.ts'
import type { Session } from '../session.ts'
import { uuid, version } from '../values.ts'
import { plainEnforcement, written } from '../written.ts'

export const versionRemove = (run: Run) =>
  new Command('remove')
    .description('take a rule of ours back: what the release says holds, or else N-1')
    .argument('<rule>', 'its id (see: fedctl version rules), or the version of ours that it names')
    .argument('[theirs]', 'with a version of ours: the version of theirs that it names', version)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, theirs, options) => {
        const id = await ruleOf(session, named, theirs)
        const before = options.dryRun
          ? undefined
          : await session.clients.versions.removeVersionRule({ id, dryRun: true })
        if (before) await session.confirm(`Take version rule ${id} back${before.worse > 0 ? `, though ${worseWords(before)}` : ''}?`) // prettier-ignore
        // In force everywhere when the call returns: there is nothing to wait for.
        const answer = await session.clients.versions.removeVersionRule({
          id,
          dryRun: options.dryRun === true,
          ...(before && { expectedWorse: before.worse }),
        })
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: {
            rule_id: id,
            worse: answer.worse,
            changed: answer.changed.map((one) => plain(CompatibilitySchema, one)),
            enforcement: plainEnforcement(answer.enforcement),
          },
          text: (canvas) => [`rule ${id} is gone`, ruledText(answer, canvas, name)].join('\n\n'),
        })
      }),
    )

/** A rule by its id, or by the pair that it is for: what `version set` was given takes it back, too. */
async function ruleOf({ clients }: Session, named: string, theirs: string | undefined): Promise<string> {
  if (theirs === undefined) return uuid(named)
  const pair = [version(named), theirs].map(numbersOf)
  const { rules } = await clients.versions.listVersionRules({})
  const rule = rules.find(
    ({ source, localVersion, remoteVersion }) =>
      source === 'operator' && localVersion === pair[0] && remoteVersion === pair[1],
  )
  if (!rule) throw usage(`there is no rule of ours for ${named} here and ${theirs} there`, 'fedctl version rules')
  return rule.id
}

/** As rules are kept: 2.01 is 2.1. */
const numbersOf = (said: string): string => said.split('.').map(Number).join('.')
