import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { approvalApprove } from '../commands/approval-approve.ts'
import { approvalHalt } from '../commands/approval-halt.ts'
import { approvalList } from '../commands/approval-list.ts'
import { approvalReject } from '../commands/approval-reject.ts'
import { approvalResume } from '../commands/approval-resume.ts'
import { approvalShow } from '../commands/approval-show.ts'
import { approvalStatus } from '../commands/approval-status.ts'
import { operatorList } from '../commands/operator-list.ts'
import { operatorRemove } from '../commands/operator-remove.ts'
import { operatorRoleRemove } from '../commands/operator-role-remove.ts'
import { operatorRoleSet } from '../commands/operator-role-set.ts'
import { operatorRoles } from '../commands/operator-roles.ts'
import { operatorSet } from '../commands/operator-set.ts'
import { operatorShow } from '../commands/operator-show.ts'
import { operatorToken } from '../commands/operator-token.ts'
import { operatorWhoami } from '../commands/operator-whoami.ts'
import { policyList } from '../commands/policy-list.ts'
import { policySet } from '../commands/policy-set.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** Who of our own may do what, and what has to be approved before it is done. */
export const peopleNouns = (run: Run): CommandUnknownOpts[] => [
  noun('approval', 'what waits to be approved, and the stop for everything that acts by itself')
    .addCommand(approvalList(run))
    .addCommand(approvalShow(run))
    .addCommand(approvalApprove(run))
    .addCommand(approvalReject(run))
    .addCommand(approvalHalt(run))
    .addCommand(approvalResume(run))
    .addCommand(approvalStatus(run)),
  noun('policy', 'which acts have to be approved').addCommand(policyList(run)).addCommand(policySet(run)),
  noun('operator', 'our own people, and the programs that act for them')
    .addCommand(operatorList(run))
    .addCommand(operatorShow(run))
    .addCommand(operatorSet(run))
    .addCommand(operatorRemove(run))
    .addCommand(operatorRoles(run))
    .addCommand(noun('role', 'roles of our own').addCommand(operatorRoleSet(run)).addCommand(operatorRoleRemove(run)))
    .addCommand(operatorWhoami(run))
    .addCommand(operatorToken(run)),
]
