import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { versionList } from '../commands/version-list.ts'
import { versionRemove } from '../commands/version-remove.ts'
import { versionRules } from '../commands/version-rules.ts'
import { versionSet } from '../commands/version-set.ts'
import { versionSimulate } from '../commands/version-simulate.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** Which platform versions work together. */
export const versionNoun = (run: Run): CommandUnknownOpts =>
  noun('version', 'which platform versions work together, and what that means for our peers')
    .addCommand(versionList(run))
    .addCommand(versionRules(run))
    .addCommand(versionSet(run))
    .addCommand(versionRemove(run))
    .addCommand(versionSimulate(run))
