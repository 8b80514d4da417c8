import { Command, Option } from '@commander-js/extra-typings'
import { caRotateApply } from './commands/ca-rotate-apply.ts'
import { caRotatePlan } from './commands/ca-rotate-plan.ts'
import { caShow } from './commands/ca-show.ts'
import { certIssue } from './commands/cert-issue.ts'
import { certList } from './commands/cert-list.ts'
import { certRevoke } from './commands/cert-revoke.ts'
import { completion, completeWords } from './commands/completion.ts'
import { doctor } from './commands/doctor.ts'
import { inviteCreate } from './commands/invite-create.ts'
import { inviteList } from './commands/invite-list.ts'
import { invitePreview } from './commands/invite-preview.ts'
import { inviteRevoke } from './commands/invite-revoke.ts'
import { peerAccept } from './commands/peer-accept.ts'
import { peerAdopt } from './commands/peer-adopt.ts'
import { peerEmancipate } from './commands/peer-emancipate.ts'
import { peerList } from './commands/peer-list.ts'
import { peerPropose } from './commands/peer-propose.ts'
import { peerRePeer } from './commands/peer-re-peer.ts'
import { peerResume } from './commands/peer-resume.ts'
import { peerRevoke } from './commands/peer-revoke.ts'
import { peerShow } from './commands/peer-show.ts'
import { peerSuspend } from './commands/peer-suspend.ts'
import { peerUpdate } from './commands/peer-update.ts'
import { slo } from './commands/slo.ts'
import { status } from './commands/status.ts'
import { why } from './commands/why.ts'
import { runs, runsAlone, type Invocation } from './invoke.ts'
import { acceptanceNoun } from './nouns/acceptance.ts'
import { borderNouns } from './nouns/border.ts'
import { childNouns } from './nouns/children.ts'
import { governanceNouns } from './nouns/governance.ts'
import { ledgerNouns } from './nouns/ledger.ts'
import { networkNoun } from './nouns/network.ts'
import { noun } from './nouns/noun.ts'
import { noticeNoun } from './nouns/notice.ts'
import { peopleNouns } from './nouns/people.ts'
import { remediationNouns } from './nouns/remediation.ts'
import { reviewNoun } from './nouns/review.ts'
import { versionNoun } from './nouns/version.ts'
import { FORMATS } from './output.ts'

const HELP = `
Exit codes: 0 done, 1 fault, 2 usage, 3 done with open items, 4 refused by policy, 5 other side refused, 6 timeout;
from 10 on what is wrong with a log: fedctl audit verify --help.
The platform is chosen by --context, else FEDCTL_CONTEXT, else the only one there is.
`

/** Everything fedctl can do, noun by noun. */
export function fedctlProgram(invocation: Invocation) {
  const run = runs(invocation)
  const program = new Command('fedctl')
    .description(
      'the operator’s hand: peers, children, grants, residency, approvals, certificates, ledger and network of one platform',
    )
    .option('--context <name>', 'which platform: a name, or the path of a context file')
    .addOption(new Option('-o, --output <format>', 'how to answer').choices(FORMATS).default('table' as const))
    .addOption(new Option('--json', 'the same as -o json').implies({ output: 'json' as const }))
    .option('-y, --yes', 'do not ask before what cannot be undone')
    .addHelpText('after', HELP)

  program.addCommand(
    noun('peer', 'other platforms and how we stand with them')
      .addCommand(peerList(run))
      .addCommand(peerShow(run))
      .addCommand(peerPropose(run))
      .addCommand(peerAccept(run))
      .addCommand(peerUpdate(run))
      .addCommand(peerSuspend(run))
      .addCommand(peerResume(run))
      .addCommand(peerRevoke(run))
      .addCommand(peerRePeer(run))
      .addCommand(peerEmancipate(run))
      .addCommand(peerAdopt(run)),
  )
  program.addCommand(
    noun('invite', 'invitations: what we hand to another platform, and what one handed to us says')
      .addCommand(inviteCreate(run))
      .addCommand(inviteList(run))
      .addCommand(inviteRevoke(run))
      .addCommand(invitePreview(run)),
  )
  program.addCommand(
    noun('ca', "the platform's own CA")
      .addCommand(caShow(run))
      .addCommand(
        noun('rotate', 'replace the CA, with everybody following')
          .addCommand(caRotatePlan(run))
          .addCommand(caRotateApply(run)),
      ),
  )
  program.addCommand(
    noun('cert', 'certificates of services, operators and peers')
      .addCommand(certList(run))
      .addCommand(certIssue(run))
      .addCommand(certRevoke(run)),
  )
  const nouns = [
    acceptanceNoun(run),
    ...childNouns(run),
    ...borderNouns(run),
    ...peopleNouns(run),
    ...ledgerNouns(run, runsAlone(invocation)),
    ...governanceNouns(run),
    versionNoun(run),
    noticeNoun(run),
    reviewNoun(run),
    ...remediationNouns(run),
    networkNoun(run),
  ]
  for (const command of nouns) program.addCommand(command)
  program.addCommand(why(run))
  program.addCommand(doctor(run))
  program.addCommand(slo(run))
  program.addCommand(status(run))
  program.addCommand(completion(invocation))
  program.addCommand(
    completeWords(invocation, () => program),
    { hidden: true },
  )
  return program
}
