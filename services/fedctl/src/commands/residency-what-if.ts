import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command, Option } from '@commander-js/extra-typings'
import { WhatIfResponseSchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { mode, ofPeer } from '../options.ts'
import { needed, peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { whatIfText } from '../render/residency.ts'
import { durationMs, listed } from '../values.ts'

const EXAMPLE = 'fedctl residency what-if --peer b --tag eu, or --class personal --allow eu'

export const residencyWhatIf = (run: Run) =>
  new Command('what-if')
    .description('which of the calls of the last days a tag or a rule would have refused; changes nothing')
    .addOption(ofPeer())
    .option('--tag <region>', 'try this tag on the peer')
    .option('--class <class>', 'try a rule for this class of data')
    .option('--allow <regions>', 'and where it may go, by commas', listed)
    .option('--rule <rule-id>', 'try it in place of this rule', '')
    .addOption(mode())
    .addOption(new Option('--since <duration>', 'how far back (default and most: 30d)').argParser(durationMs))
    .action(
      run(async (session, { peer, tag, class: dataClass, allow, rule, mode: tried = '', since }) => {
        if ((dataClass === undefined) !== (allow === undefined))
          throw usage('a rule needs --class and --allow', EXAMPLE)
        if (tag === undefined && dataClass === undefined) throw usage('what is to be tried?', EXAMPLE)
        const peerId = await peerIdOf(session, tag === undefined ? peer : needed(peer, EXAMPLE))
        const answer = await session.clients.residency.whatIf({
          peerId,
          ...(dataClass !== undefined && {
            rule: { id: rule, peerId, dataClass, allowedRegions: allow ?? [], mode: tried },
          }),
          ...(tag !== undefined && { residency: { peerId, tag, mode: tried } }),
          ...(since !== undefined && { since: durationFromMs(since) }),
        })
        const name = await namePeers(session)
        return { data: plain(WhatIfResponseSchema, answer), text: (canvas) => whatIfText(answer, canvas, name) }
      }),
    )
