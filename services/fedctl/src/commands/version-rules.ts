import { Command } from '@commander-js/extra-typings'
import { VersionRuleSchema } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { versionRulesText } from '../render/versions.ts'

export const versionRules = (run: Run) =>
  new Command('rules').description('which versions were said to work together; where nothing is said, N-1 does').action(
    run(async ({ clients }) => {
      const { rules, localVersion } = await clients.versions.listVersionRules({})
      return {
        data: { local_version: localVersion, rules: rules.map((rule) => plain(VersionRuleSchema, rule)) },
        text: (canvas) => versionRulesText(rules, localVersion, canvas),
      }
    }),
  )
