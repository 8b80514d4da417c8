import type { JsonObject } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command, Option } from '@commander-js/extra-typings'
import { SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { SpawnChildResponse } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { changedChild } from '../changed-child.ts'
import type { Run } from '../invoke.ts'
import { AT_MACHINES } from '../machines.ts'
import { dryRun, SPAWN_MODES, wait } from '../options.ts'
import type { Outcome } from '../output.ts'
import { usage } from '../problem.ts'
import { bootTokenText } from '../render/boot-token.ts'
import { effectLines } from '../render/effects.ts'
import { valueOf } from '../render/words.ts'
import type { Session } from '../session.ts'
import { untilChild } from '../spawn-wait.ts'
import { collect, durationMs, pairs } from '../values.ts'
import { isWaiting } from '../wait.ts'

export const childSpawn = (run: Run) =>
  new Command('spawn')
    .description('make a platform that comes up federated with this one; --wait shows every step until it is active')
    .argument('<hostname>', 'what it is called: west-1, or west-1.example.org with a trust domain of its own')
    .addOption(new Option('--mode <mode>', 'what it is to us').choices(SPAWN_MODES).default('managed_child' as const))
    .option('--template <template>', 'what it is made of: id or name (default: the only one)', '')
    .option('--region <region>', "where: id or name (default: the provider's only one)", '')
    .option('--type <instance-type>', 'on what: id or name (default: the smallest)', '')
    .option('--parent-url <url>', 'where it reaches our gateway (default: our first endpoint)', '')
    .addOption(
      new Option('--token-ttl <duration>', 'give up after so long without progress: 1m to 7d (default 10m)').argParser(
        durationMs,
      ),
    )
    .option('--route <cidr>', 'a route proposed to it; can be repeated', collect, [])
    .option('--capability <key=value>', 'a capability proposed to it; can be repeated', pairs, {})
    .option('--request-id <uuid>', 'typed again with the same one, it makes no second child', '')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, childHostname, options) => {
        const said = {
          spawnMode: valueOf(SpawnMode, options.mode),
          childTemplateId: options.template || (await onlyTemplate(session)),
          providerRegionId: options.region,
          providerInstanceTypeId: options.type,
          childHostname,
          parentUrl: options.parentUrl,
          ...(options.tokenTtl !== undefined && { tokenTtl: durationFromMs(options.tokenTtl) }),
          proposedRoutes: options.route,
          proposedCapabilities: options.capability as JsonObject, // pairs() makes nothing but JSON
          requestId: options.requestId,
          dryRun: options.dryRun === true,
        }
        const response = await session.clients.spawning.spawnChild(said, AT_MACHINES)
        const outcome = spawned(response, options.dryRun)
        if (!isWaiting(options.wait) || options.dryRun || !response.child) return outcome
        // The token is shown first: where a machine is booted by hand, nobody could do what we wait for without it.
        session.emit(outcome)
        const active = await untilChild(session, response.child.id, { ms: options.wait, goal: ChildState.ACTIVE })
        return { ...changedChild(active), isItem: true }
      }),
    )

function spawned({ child, acceptanceToken, spawnPayload, plan }: SpawnChildResponse, isDryRun?: boolean): Outcome {
  return changedChild(child, {
    dryRun: isDryRun,
    data: isDryRun ? { plan } : { acceptance_token: acceptanceToken, spawn_payload: spawnPayload },
    text: (canvas) => (isDryRun ? effectLines(plan) : bootTokenText(acceptanceToken, canvas)),
  })
}

/** Where there is but one template, nobody has to name it. */
async function onlyTemplate({ clients }: Session): Promise<string> {
  const { templates } = await clients.spawning.listTemplates({})
  const [first, ...more] = templates.map(({ name }) => name)
  if (first === undefined) throw usage('there is no template', 'fedctl template create <name>')
  if (more.length > 0) throw usage('made of what?', `--template ${[first, ...more].join('|')}`)
  return first
}
