export const signIn = {
  title: "Sign in to Signet",
  expired: "Your session has ended. Sign in again.",
  idNeeded: "Enter the AccessKeyId.",
  secretNeeded: "Enter the AccessKeySecret.",
  enter: "Sign in",
  where: "An access key, as the SDKs and signetctl use it. scripts/up leaves one in credentials.env.",
};
