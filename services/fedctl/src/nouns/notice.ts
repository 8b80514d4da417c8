import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { noticeDeclare } from '../commands/notice-declare.ts'
import { noticeList } from '../commands/notice-list.ts'
import { noticeShow } from '../commands/notice-show.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** What we and our partners tell each other about ourselves, signed and receipted. */
export const noticeNoun = (run: Run): CommandUnknownOpts =>
  noun('notice', 'compromises and ended peerings: who was told, and who has signed for it')
    .addCommand(noticeDeclare(run))
    .addCommand(noticeList(run))
    .addCommand(noticeShow(run))
