/* The languages, in the order in which they are shown. */
import type { CodeCall } from "./call";
import { curl } from "./curl";
import { go } from "./go";
import { java } from "./java";
import { node } from "./node";
import { python } from "./python";
import { signetctl } from "./signetctl";

export const LANGUAGES: { key: string; label: string; write: (call: CodeCall) => string }[] = [
  { key: "curl", label: "curl", write: curl },
  { key: "node", label: "Node.js", write: node },
  { key: "python", label: "Python", write: python },
  { key: "java", label: "Java", write: java },
  { key: "go", label: "Go", write: go },
  { key: "signetctl", label: "signetctl", write: signetctl },
];
