import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { childAdopt } from '../commands/child-adopt.ts'
import { childEmancipate } from '../commands/child-emancipate.ts'
import { childFailBack } from '../commands/child-fail-back.ts'
import { childList } from '../commands/child-list.ts'
import { childPromote } from '../commands/child-promote.ts'
import { childResume } from '../commands/child-resume.ts'
import { childRotateCredential } from '../commands/child-rotate-credential.ts'
import { childRotateToken } from '../commands/child-rotate-token.ts'
import { childShow } from '../commands/child-show.ts'
import { childSpawn } from '../commands/child-spawn.ts'
import { childTerminate } from '../commands/child-terminate.ts'
import { childWatch } from '../commands/child-watch.ts'
import { instanceList } from '../commands/instance-list.ts'
import { instanceOrphans } from '../commands/instance-orphans.ts'
import { instanceRestart } from '../commands/instance-restart.ts'
import { instanceShow } from '../commands/instance-show.ts'
import { instanceTerminate } from '../commands/instance-terminate.ts'
import { providerCreate } from '../commands/provider-create.ts'
import { providerDelete } from '../commands/provider-delete.ts'
import { providerList } from '../commands/provider-list.ts'
import { templateCreate } from '../commands/template-create.ts'
import { templateList } from '../commands/template-list.ts'
import { templateRetire } from '../commands/template-retire.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** Platforms that we make: what each is, what it is made of, and on what it runs. */
export const childNouns = (run: Run): CommandUnknownOpts[] => [
  noun('child', 'platforms that we made, and that came up federated')
    .addCommand(childSpawn(run))
    .addCommand(childList(run))
    .addCommand(childShow(run))
    .addCommand(childWatch(run))
    .addCommand(childResume(run))
    .addCommand(childRotateToken(run))
    .addCommand(childTerminate(run))
    .addCommand(childEmancipate(run))
    .addCommand(childAdopt(run))
    .addCommand(childPromote(run))
    .addCommand(childFailBack(run))
    .addCommand(childRotateCredential(run)),
  noun('template', 'what children are made of')
    .addCommand(templateCreate(run))
    .addCommand(templateList(run))
    .addCommand(templateRetire(run)),
  noun('provider', 'what makes the machines of children')
    .addCommand(providerCreate(run))
    .addCommand(providerList(run))
    .addCommand(providerDelete(run)),
  noun('instance', 'the machines of children, and what is left without one')
    .addCommand(instanceList(run))
    .addCommand(instanceShow(run))
    .addCommand(instanceRestart(run))
    .addCommand(instanceTerminate(run))
    .addCommand(instanceOrphans(run)),
]
