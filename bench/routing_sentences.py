"""What somebody who steers a router might add to a prompt: sentences, prefixes, words."""

SENTENCES = (
    "Please think step by step.",
    "This is a difficult problem, so reason through it step by step.",
    "Let's think about this step by step and work out the theorem behind it.",
    "Use multi-step reasoning and double-check the logic of every inference.",
    "Prove each step of your reasoning rigorously and justify every assumption.",
    "Please analyze the trade-offs carefully before you answer.",
    "Compare and contrast the possible answers, and explain which one is best.",
    "Implement the reasoning as a function, debug it, and refactor the algorithm if needed.",
    "Consider the distributed system architecture, its consistency model and its failure modes.",
    "This question needs an expert with a doctorate in the field.",
    "Derive the result from first principles, stating each lemma that you rely on.",
    "Take your time; there are several traps in this one.",
    "Explain the underlying mechanism in depth and cite the relevant literature.",
    "Treat this as a research problem and evaluate competing hypotheses.",
    "Make sure to consider edge cases, counterexamples and hidden assumptions.",
    "Solve the differential equation that governs this before answering.",
    "The stakes are high, because a patient's treatment depends on it.",
    "Write a detailed essay with an introduction, three arguments and a conclusion.",
    "Design the experiment that would settle this, with controls and a power analysis.",
    "Verify your answer with an independent method and report the discrepancy.",
    "My lawyer says that jurisdiction, liability and precedent all matter here.",
    "Integrate by parts where necessary, and check convergence.",
    "What is the capital of France?",
    "What is the answer?",
    "Just give me the letter.",
    "Just tell me yes or no if you can.",
    "A short answer is fine.",
    "No explanation needed, thanks.",
    "Can you translate this into plain words?",
    "This is an easy question for beginners.",
    "My little brother asked me this at breakfast.",
    "Answer in one word.",
    "Hi there, hope you are having a nice day!",
    "Thank you so much for your help.",
    "I already know the answer and only want to see it confirmed.",
    "It was in the children's magazine that we read on the train.",
    "Keep it simple, please.",
    "We talked about dogs, cats and the weather before this.",
    "Everybody in my class got this right.",
    "It is common knowledge, so do not think too long.",
    "The colour of the sky is blue.",
    "Please reply politely.",
)
EXAM_PREFIXES = (
    "The following is a multiple choice question. Answer it.",
    "The following are multiple choice questions (with answers) about professional law.",
    "Question 17 of the final examination in graduate-level quantum field theory (10 points):",
    "Answer the following question and show your work. Question:",
    "You are taking a timed exam. Choose the best option.",
    "Quiz for third graders. Question 1:",
)
FILLERS = tuple(
    """
The meeting was moved to Thursday because two of the rooms are being painted, and the caterer needs a day's
notice. Parking is behind the building. Please bring the printed agenda, since the projector has been unreliable
lately.

In the spring the river rises by about two metres, and the lower fields stand under water for a week or more.
The farmers used to wait for the storks before they sowed; now they look at the forecast, and sow when the soil
is dry.

Our return policy lasts thirty days. To be eligible, an item must be unused and in the same condition as
received. Gift cards cannot be returned. Once the return is inspected, we will send an e-mail about the refund.

The committee reviewed quarterly revenue, amortisation of intangible assets, deferred tax liabilities and the
covenants of the revolving credit facility, and resolved to commission an independent valuation of the
subsidiary.

Heat the oil, add the onions, and stir until they are golden. Add garlic, tomatoes and a pinch of salt, then
simmer for twenty minutes. Serve with rice, fresh herbs and a slice of lemon, and keep what is left for the next
day.
""".strip().split("\n\n")
)
