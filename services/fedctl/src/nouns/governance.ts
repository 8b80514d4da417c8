import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { commitmentList } from '../commands/commitment-list.ts'
import { findingAck } from '../commands/finding-ack.ts'
import { findingList } from '../commands/finding-list.ts'
import { findingScan } from '../commands/finding-scan.ts'
import { findingShow } from '../commands/finding-show.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** Whether peerings are as they should be, and whether the contract is kept. */
export const governanceNouns = (run: Run): CommandUnknownOpts[] => [
  noun('finding', 'what is wrong with how peerings stand; each closes by itself when it is so no more')
    .addCommand(findingList(run))
    .addCommand(findingShow(run))
    .addCommand(findingAck(run))
    .addCommand(findingScan(run)),
  noun('commitment', "the contract's twelve, and how each is kept").addCommand(commitmentList(run)),
]
