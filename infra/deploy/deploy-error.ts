/** Something that a person has to do first; the message is what to print, with the remedy. */
export class DeployError extends Error {
  override readonly name = 'DeployError';
}
