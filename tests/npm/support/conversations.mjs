// One agent's conversation about services that fail, in the shapes of four SDKs.

/** Of Anthropic. */
export const MODEL = "claude-sonnet-5";
export const RARE = "svc-41 refused: certificate expired on 2031-04-02";

const records = Array.from({ length: 60 }, (_, i) => ({
  id: i,
  name: `svc-${i}`,
  region: ["north", "south", "west"][i % 3],
  state: i === 41 ? "failing" : "running",
  owner: `team-${i % 7}@example.com`,
  restarts: (i * 7) % 5,
}));

export const SERVICES = JSON.stringify(records);
export const LOG = Array.from({ length: 220 }, (_, i) =>
  i === 137 ? `2031-04-03T09:12:07Z ERROR gateway ${RARE}` : `2031-04-03T09:${String(10 + (i % 50))}:00Z INFO gateway svc-${i % 60} answered in ${20 + (i % 13)} ms`,
).join("\n");

const SYSTEM = "You keep services running. Say what fails, and why.";
const QUESTION = "Which service fails, and why does it?";
const PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const NEXT = "And who owns it?";

export const openai = [
  { role: "system", content: SYSTEM },
  { role: "user", content: [{ type: "text", text: QUESTION }, { type: "image_url", image_url: { url: PICTURE } }] },
  {
    role: "assistant",
    content: null,
    tool_calls: [
      { id: "call_1", type: "function", function: { name: "list_services", arguments: '{"region":"all"}' } },
      { id: "call_2", type: "function", function: { name: "read_log", arguments: '{"path":"gateway.log"}' } },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: SERVICES },
  { role: "tool", tool_call_id: "call_2", content: LOG },
];

/** What follows on an answer: a later turn of the same conversation. */
export const openaiLater = [
  ...openai,
  { role: "assistant", content: "svc-41 fails: its certificate expired." },
  { role: "user", content: NEXT },
];

export const anthropic = [
  { role: "user", content: QUESTION },
  {
    role: "assistant",
    content: [
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "toolu_1", name: "list_services", input: { region: "all" } },
      { type: "tool_use", id: "toolu_2", name: "read_log", input: { path: "gateway.log" } },
    ],
  },
  {
    role: "user",
    content: [
      { type: "tool_result", tool_use_id: "toolu_1", content: SERVICES },
      { type: "tool_result", tool_use_id: "toolu_2", content: [{ type: "text", text: LOG }] },
      { type: "text", text: NEXT },
    ],
  },
];

export const vercel = [
  { role: "system", content: SYSTEM },
  { role: "user", content: [{ type: "text", text: QUESTION }] },
  { role: "user", content: [{ type: "text", text: "A drawing:" }, { type: "image", image: PICTURE }] },
  {
    role: "assistant",
    content: [
      { type: "text", text: "Let me look." },
      { type: "tool-call", toolCallId: "v1", toolName: "list_services", input: { region: "all" } },
      { type: "tool-call", toolCallId: "v2", toolName: "read_log", input: { path: "gateway.log" } },
    ],
  },
  {
    role: "tool",
    content: [{ type: "tool-result", toolCallId: "v1", toolName: "list_services", output: { type: "json", value: records } }],
  },
  {
    role: "tool",
    content: [{ type: "tool-result", toolCallId: "v2", toolName: "read_log", output: { type: "text", value: LOG } }],
  },
];

export const gemini = [
  { role: "user", parts: [{ text: QUESTION }] },
  {
    role: "model",
    parts: [
      { text: "Let me look." },
      { functionCall: { name: "list_services", args: { region: "all" } } },
      { functionCall: { name: "read_log", args: { path: "gateway.log" } } },
    ],
  },
  {
    role: "user",
    parts: [
      { functionResponse: { name: "list_services", response: { services: records } } },
      { functionResponse: { name: "read_log", response: { output: LOG } } },
    ],
  },
];

export const shapes = { openai, anthropic, vercel, gemini };

