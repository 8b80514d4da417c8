import { Command } from '@commander-js/extra-typings'
import { ExplainResponseSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { namesFor } from '../net/names-in.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { explainedText } from '../render/net-reachability.ts'

const HOW = 'fedctl net why web-1 db-1 tcp/5432, or … icmp6'

/** Answered from what was compiled, for all that is compiled. Ends with 4 when it is not reached. */
export const netWhy = (run: Run) =>
  new Command('why')
    .description('can one reach another, by which rules and which route; or where it ends')
    .argument('<src>', "a member's name or id, or an address")
    .argument('<dst>', 'likewise')
    .argument('<service>', 'tcp/443, udp/53 or icmp6')
    .action(
      run(async (session, src, dst, service) => {
        const [, protocol = '', port = '0'] = /^(tcp|udp|icmp6)(?:\/(\d{1,5}))?$/.exec(service) ?? []
        if (protocol === '' || (protocol === 'icmp6') !== (port === '0')) throw usage(`"${service}" is no service`, HOW)
        const answer = await session.clients.network.explain({ src, dst, protocol, port: Number(port) })
        const nameOf = await namesFor(session, [
          answer.verdict,
          ...answer.hops.flatMap(({ routeSource, rules }) => [routeSource, ...rules.map(({ ruleId }) => ruleId)]),
        ])
        return {
          data: plain(ExplainResponseSchema, answer),
          text: (canvas) => explainedText({ src, dst, protocol, port: Number(port) }, answer, canvas, nameOf),
          exit: answer.reachable ? EXIT.done : EXIT.refusedByPolicy,
        }
      }),
    )
