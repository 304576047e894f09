// OpenAI's SDK for Node, as a program uses it: prints as JSON what it got. Arguments: base URL, question.
const { OpenAI } = require("openai");

async function refused(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, message: error.message };
  }
}

async function main([baseURL, question]) {
  const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
  const asked = { model: "gisa", messages: [{ role: "user", content: question }] };
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  const whole = await client.chat.completions.create(asked);
  let streamed = "";
  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) streamed += chunk.choices[0]?.delta?.content ?? "";
  const unknownModel = await refused(() =>
    client.chat.completions.create({ ...asked, model: "gpt-9" }),
  );
  const tools = await refused(() =>
    client.chat.completions.create({
      ...asked,
      tools: [{ type: "function", function: { name: "search", parameters: { type: "object" } } }],
    }),
  );
  const { message } = whole.choices[0];
  const annotations = message.annotations.length;
  const one = (await client.models.retrieve("gisa")).id;
  console.log(
    JSON.stringify({ models, one, content: message.content, annotations, streamed, unknownModel, tools }),
  );
}

main(process.argv.slice(2));
