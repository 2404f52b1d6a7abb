"""What English-speaking customers say, by theme and mood: parts of comments, without a final full stop."""

OPENERS = {
    "good": (
        "Great!",
        "Very happy.",
        "Well done.",
        "Lovely.",
        "What a pleasant surprise.",
        "Nothing to complain about.",
    ),
    "mixed": ("It was okay.", "Could be better.", "Mixed feelings.", "Meh.", "Decent, not great."),
    "bad": (
        "So disappointing.",
        "Really poor.",
        "I have had enough.",
        "Unacceptable.",
        "This is not on.",
        "A pity.",
    ),
}
CLOSERS = {
    "good": (
        "Will be back for sure",
        "Keep it up",
        "Highly recommended",
        "Already planning my next order",
        "Thank you all",
    ),
    "mixed": (
        "Hopefully better next time",
        "Some room to improve",
        "No other complaints",
        "Not sure I will return",
    ),
    "bad": (
        "This was the last time",
        "Please have somebody call me",
        "I expect a solution",
        "Taking my money elsewhere",
        "Nobody takes responsibility",
    ),
}
CORES = {
    "web": {
        "good": (
            "The site is quick and I found what I wanted at once",
            "Clear product information and good pictures",
            "Searching and comparing is really easy",
            "The app is neat and tidy",
        ),
        "mixed": (
            "Search shows a lot of things I did not ask for",
            "Nice site, but the filters are clumsy",
            "Stock shown on the page was not quite right",
            "Had to sign in twice",
        ),
        "bad": (
            "The website is slow and keeps freezing",
            "I cannot find out whether it is in stock anywhere",
            "Looks nothing like the picture",
            "I have not been able to sign in for days",
        ),
    },
    "checkout": {
        "good": (
            "Ordering took two minutes",
            "Checkout was quick and without fuss",
            "Clear steps all the way to the order",
        ),
        "mixed": (
            "Had to fill in my address twice at checkout",
            "Only saw the shipping costs at the very end",
            "The discount code worked at the third attempt",
        ),
        "bad": (
            "I keep getting an error at checkout",
            "My basket was suddenly empty at checkout",
            "Checkout simply does not work, tried three times",
            "The order button does nothing at all",
        ),
    },
    "payment": {
        "good": (
            "Payment went through right away",
            "Paying afterwards is so handy",
            "Paid in seconds and got a confirmation",
        ),
        "mixed": ("The payment hung for a while but worked in the end", "My usual way to pay was missing"),
        "bad": (
            "Payment failed but the money is gone",
            "I was charged twice",
            "A blank screen after paying, and no confirmation",
        ),
    },
    "delivery": {
        "good": (
            "Delivered right on time",
            "The driver was friendly and even called ahead",
            "Ordered yesterday, here today",
            "Tracking was spot on",
        ),
        "mixed": (
            "A day later than promised, but well packed",
            "Parcel left with the neighbours although I was at home",
            "The time slot was rather wide",
        ),
        "bad": (
            "Delivery was far too late",
            "The parcel never came and nobody knows where it is",
            "The box arrived crushed",
            "Stayed at home all day for nothing",
        ),
    },
    "product": {
        "good": (
            "The {product} is exactly as pictured",
            "So happy with the {product}, lovely quality",
            "The {product} came beautifully packed",
            "The {product} worked straight away",
        ),
        "mixed": (
            "The {product} is fine, but the manual is not",
            "The colour of the {product} is a bit off",
            "The {product} works, though I expected more for the money",
        ),
        "bad": (
            "The {product} broke after one day",
            "A part was missing from the {product}",
            "They sent the wrong {product}",
            "The {product} feels cheap",
        ),
    },
    "store": {
        "good": (
            "Patient and expert advice in the store",
            "Pleasant store, everything easy to find",
            "The assistant really took the time",
        ),
        "mixed": ("Nice store, but it took a while to find staff", "Friendly people, long queue at the till"),
        "bad": (
            "Nobody in the store wanted to help me",
            "Queued for twenty minutes and then the till closed",
            "Drove all the way to the store and it was not there",
        ),
    },
    "support": {
        "good": (
            "Support helped me quickly and kindly",
            "The agent solved it on the spot",
            "I got to talk to somebody who listened",
        ),
        "mixed": (
            "Got help in the end, but it took long",
            "The bot did not understand me, luckily the agent did",
            "Friendly, only I had to tell my story three times",
        ),
        "bad": (
            "I have been waiting for an answer for days",
            "Sent from pillar to post",
            "On hold for forty-five minutes and then they hung up",
            "The bot keeps giving the same answer",
        ),
    },
    "returns": {
        "good": ("Returning it was easy", "I had my money back in two days", "The exchange went smoothly"),
        "mixed": (
            "The return worked, but I had to print the label myself",
            "The refund took more than a week",
        ),
        "bad": (
            "Still waiting for my refund after three weeks",
            "They say my return never arrived",
            "Returning is made hard on purpose",
        ),
    },
    "loyalty": {
        "good": (
            "Nice extras for regular customers",
            "Using my points was effortless",
            "The newsletter has really good offers",
        ),
        "mixed": (
            "Rather a lot of emails lately",
            "Collecting points is fun, but it takes ages to get anything",
        ),
        "bad": (
            "My points have vanished",
            "I have unsubscribed three times from those emails",
            "New customers get better discounts than regulars",
        ),
    },
    "work": {
        "good": ("Good team, and I can really help customers", "We are trusted to solve things ourselves"),
        "mixed": ("I like the work, but the systems are slow", "The rota often comes too late"),
        "bad": ("The workload is too high", "We take the complaints but may not solve them"),
    },
}
TROUBLE = (
    "{touchpoint} has been down for hours",
    "Problems with {touchpoint} all day",
    "{touchpoint} is broken again",
)
ASIDES = {
    "bargain-hunter": (
        "The price was sharp, I must say",
        "You cannot expect much at that price",
        "It was a few euros less elsewhere",
    ),
    "loyal-regular": (
        "I have been a customer for years",
        "Just what I am used to from you",
        "I shop here nearly every month",
    ),
    "anxious-first-timer": ("It was my first order here", "I was quite nervous about ordering online"),
    "business-buyer": (
        "Ordered for our office",
        "We count on delivery in working hours",
        "Please put our purchase number on the invoice",
    ),
    "digital-sceptic": ("I would rather talk to a person", "Those apps are not for me"),
    "trend-seeker": ("Saw it in a clip", "Already in my stories"),
}
TITLES = {
    "good": ("Great service", "Very satisfied", "Recommended", "Quick and good", "Lovely shop"),
    "mixed": ("Reasonable", "Could be better", "Fine, with a remark", "Up and down"),
    "bad": ("Never again", "Disappointed", "Bad experience", "Beware", "Worthless service"),
}
SEEN = {
    "good": (
        "Customer thanked us at length",
        "Customer left with a smile",
        "Customer said a friend had recommended us",
    ),
    "mixed": (
        "Customer was in a hurry and would not wait",
        "Customer asked for something we no longer sell",
        "Customer was visibly in doubt",
    ),
    "bad": (
        "Customer was visibly angry",
        "Customer walked out without buying",
        "Customer said they would go elsewhere",
        "Customer was in tears",
    ),
}
